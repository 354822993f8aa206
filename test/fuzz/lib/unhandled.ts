import { systemClock } from '../../../src/runtime/system-clock.ts'

/** Runs `work`; a promise that was rejected meanwhile and that nobody waited for is an error, too. */
export async function noRejections(work: () => Promise<void>): Promise<void> {
  const rejected: unknown[] = []
  const onRejection = (reason: unknown): number => rejected.push(reason)
  process.on('unhandledRejection', onRejection)
  try {
    await work()
    await new Promise<void>((resolve) => systemClock.endOfTurn(resolve))
  } finally {
    process.off('unhandledRejection', onRejection)
  }
  const [first] = rejected
  if (first !== undefined) throw new Error(`nobody waited for a promise that was rejected: ${first instanceof Error ? first.stack : String(first)}`)
}
