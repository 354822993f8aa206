import type { Meta, Target } from './target.ts'

/** What the oracle says of these parts; null where nothing is wrong. */
export async function failureOf(target: Target, meta: Meta, parts: readonly Buffer[], valid: boolean): Promise<string | null> {
  for (let attempt = 0; attempt < 3; attempt++) {
    const began = performance.now()
    try {
      await target.check(
        meta,
        parts.map((part) => Buffer.from(part)),
        valid,
      )
    } catch (error) {
      return error instanceof Error ? `${error.stack ?? error.message}` : String(error)
    }
    // A busy machine is slow once, a loop is slow always.
    if (performance.now() - began < target.slowMs) return null
  }
  return `slow: more than ${target.slowMs} ms, three times`
}
