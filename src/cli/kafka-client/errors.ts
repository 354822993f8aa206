import { ERRORS, type ErrorRow } from '../../broker/errors.ts'
import { CommandError } from '../command.ts'

const ROWS: readonly ErrorRow[] = Object.values(ERRORS)

/** `UNKNOWN_TOPIC_OR_PARTITION` for 3. */
export function errorName(code: number): string {
  return ROWS.find(({ kafka }) => kafka === code)?.name ?? `error ${code}`
}

/** Throws where a broker's answer is not 0; `what` is what was asked, `message` the broker's own words. */
export function throwOnError(code: number, what: string, message?: string | null): void {
  if (code === 0) return
  const words = message ?? ROWS.find(({ kafka }) => kafka === code)?.message
  throw new CommandError(`${what}: ${words === undefined ? '' : `${words} `}(${errorName(code)})`)
}
