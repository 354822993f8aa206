import type { LogLevel } from '../telemetry/logger.ts'

/** Kafka's loggers of a broker have names of Java; here there is one for all. */
export const ROOT_LOGGER = 'root'

/** Kafka's words for levels, and what they are here. */
export const LOG_LEVELS: ReadonlyMap<string, LogLevel> = new Map([
  ['DEBUG', 'debug'],
  ['ERROR', 'error'],
  ['FATAL', 'error'],
  ['INFO', 'info'],
  ['TRACE', 'debug'],
  ['WARN', 'warn'],
])

const OFF = 'OFF'

/** As Kafka says it. */
export function kafkaLevel(level: LogLevel): string {
  return level === 'silent' ? OFF : level.toUpperCase()
}
