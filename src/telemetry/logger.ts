import { createRequire } from 'node:module'
import type { Logger as Pino } from 'pino'

/** Levels by who must act: error the operator now, warn the operator some day, info nobody, debug whoever looks for a fault. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

/** One event per line: an object with what varies, and a short constant message. Nothing is logged per record. */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

const RANK: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3, silent: 4 }

/** Says nothing. */
export const silentLogger: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

/**
 * JSON lines on the file descriptor (2 is stderr), by pino. Pino is loaded with the first line that is really
 * written: it costs some 15 ms and 5 MB, which a quiet start need not pay.
 */
export function createLogger(level: LogLevel, fileDescriptor = 2): Logger {
  let pino: Pino | undefined
  const open = (): Pino => {
    pino ??= loadPino(level, fileDescriptor)
    return pino
  }
  const at = (wanted: Exclude<LogLevel, 'silent'>) =>
    RANK[wanted] < RANK[level] ? () => {} : (fields: object, message: string) => open()[wanted](fields, message)
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

function loadPino(level: LogLevel, fileDescriptor: number): Pino {
  const { pino } = createRequire(import.meta.url)('pino') as typeof import('pino')
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label: string) => ({ level: label }) } }
  return pino(options, pino.destination({ fd: fileDescriptor, sync: true }))
}
