import { ERRORS, type ErrorRow } from '../../broker/errors.ts'
import { systemClock } from '../../runtime/system-clock.ts'
import { CommandError, EXIT } from '../command.ts'

/** What is refused now and will probably work in a moment: a broker that is just making the topic, or starting its coordinator. */
const PASSING: readonly ErrorRow[] = [
  ERRORS.unknownTopicOrPartition,
  ERRORS.leaderNotAvailable,
  ERRORS.coordinatorNotAvailable,
  ERRORS.coordinatorLoadInProgress,
]
const RETRIES = 20
const RETRY_MS = 250

/** A broker's answer that is not 0. */
class BrokerError extends CommandError {
  readonly code: number
  constructor(code: number, message: string) {
    super(message, EXIT.failed)
    this.code = code
  }
}

const ROWS: readonly ErrorRow[] = Object.values(ERRORS)

/** `UNKNOWN_TOPIC_OR_PARTITION` for 3. */
function errorName(code: number): string {
  return ROWS.find(({ kafka }) => kafka === code)?.name ?? `error ${code}`
}

/** Throws where a broker's answer is not 0; `what` is what was asked, `message` the broker's own words. */
export function throwOnError(code: number, what: string, message?: string | null): void {
  if (code === 0) return
  const words = message ?? ROWS.find(({ kafka }) => kafka === code)?.message
  throw new BrokerError(code, `${what}: ${words === undefined ? '' : `${words} `}(${errorName(code)})`)
}

/** Asks again, for some seconds, where the answer is one that passes. */
export async function withRetries<T>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask()
    } catch (error) {
      if (tries > RETRIES || !(error instanceof BrokerError) || !PASSING.some(({ kafka }) => kafka === error.code)) throw error
      await new Promise<void>((resolve) => systemClock.after(RETRY_MS, resolve))
    }
  }
}
