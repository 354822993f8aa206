import type { Outcome } from './job.ts'
import { isLost, type Lost } from './pool.ts'

const SHOWN_VIOLATIONS = 3
const SHOWN_LINE = 240

/** What one run came to, for people; where it failed with the smallest run that fails in the same way. */
export function describe(outcome: Outcome | Lost): void {
  if (isLost(outcome)) {
    console.log(`seed ${outcome.seed}: FAILED, LOST: ${outcome.reason}`)
    return
  }
  const { seed, violations, steps, simulatedMs, traceHash, cast, smallest } = outcome
  const verdict = violations.length === 0 ? 'nothing found' : 'FAILED'
  console.log(`seed ${seed}: ${verdict} (${steps} steps, ${(simulatedMs / 1000).toFixed(1)} s, trace ${traceHash.slice(0, 16)}; ${cast.join(', ')})`)
  for (const violation of violations.slice(0, SHOWN_VIOLATIONS)) console.log(`  ${violation}`)
  if (smallest === null) return
  console.log(`  the smallest run that fails so (${smallest.faults} faults, after ${smallest.runs} runs):\n  ${smallest.command}`)
  for (const line of smallest.lines) console.log(`    ${line.split('\n', 1)[0]?.slice(0, SHOWN_LINE)}`)
}

/** What many runs came to. */
export class Totals {
  seeds = 0
  failed = 0
  simulatedMs = 0
  readonly #counts = new Map<string, number>()
  readonly #most = new Map<string, number>()

  add(outcome: Outcome | Lost): void {
    this.seeds++
    if (isLost(outcome)) {
      this.failed++
      return
    }
    if (outcome.violations.length > 0) this.failed++
    this.simulatedMs += outcome.simulatedMs
    for (const [what, most] of Object.entries({ ...outcome.most, brokerHeapBytes: outcome.brokerHeapBytes })) {
      this.#most.set(what, Math.max(this.#most.get(what) ?? 0, most))
    }
    for (const [what, times] of outcome.counts) this.#counts.set(what, (this.#counts.get(what) ?? 0) + times)
  }

  get line(): string {
    return `${this.seeds} seeds, ${(this.simulatedMs / 3_600_000).toFixed(2)} simulated hours, ${this.failed} failed`
  }

  printCounts(): void {
    const sorted = [...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1))
    console.log(sorted.map(([what, times]) => `${what}: ${times}`).join(', '))
    console.log(`the most at once: ${[...this.#most].map(([what, most]) => `${what} ${most}`).join(', ')}`)
  }
}

/** One line that is written over and over, where somebody looks. */
export function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
}
