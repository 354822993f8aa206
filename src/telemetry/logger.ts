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

/** What is logged, and how to change that while the broker runs (Kafka's broker loggers, KIP-412). */
export interface LogLevels {
  readonly level: LogLevel
  setLevel(level: LogLevel): void
}

export type LeveledLogger = Logger & LogLevels

/** Says nothing. */
export const silentLogger: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

/**
 * JSON lines on the file descriptor (2 is stderr), by pino. Pino is loaded with the first line that is really
 * written: it costs some 15 ms and 5 MB, which a quiet start need not pay.
 */
export function createLogger(level: LogLevel, fileDescriptor = 2): LeveledLogger {
  let pino: Pino | undefined
  const write = (wanted: Written) => (fields: object, message: string) => {
    pino ??= loadPino(fileDescriptor)
    pino[wanted](fields, message)
  }
  return gate({ debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }, level)
}

/** The logger itself where it has levels; else all of it, until another level is set. */
export function leveled(logger: Logger): LeveledLogger {
  return 'setLevel' in logger ? (logger as LeveledLogger) : gate(logger, 'debug')
}

type Written = Exclude<LogLevel, 'silent'>

/** Lets through what is at or above a level that can be set. */
function gate(logger: Logger, first: LogLevel): LeveledLogger {
  let level = first
  const at = (wanted: Written) => (fields: object, message: string) => {
    if (RANK[wanted] >= RANK[level]) logger[wanted](fields, message)
  }
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    get level() {
      return level
    },
    setLevel: (next) => {
      level = next
    },
  }
}

function loadPino(fileDescriptor: number): Pino {
  const { pino } = createRequire(import.meta.url)('pino') as typeof import('pino')
  const options = { level: 'debug', base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label: string) => ({ level: label }) } }
  return pino(options, pino.destination({ fd: fileDescriptor, sync: true }))
}
