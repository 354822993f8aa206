import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createLogger, type LogLevel, leveled } from '../../src/telemetry/logger.ts'

/** What a logger of this level writes to its file descriptor. */
function written(level: LogLevel, run: (logger: ReturnType<typeof createLogger>) => void): Record<string, unknown>[] {
  const folder = mkdtempSync(join(tmpdir(), 'elytra-logger-'))
  const file = join(folder, 'log')
  const descriptor = openSync(file, 'w')
  try {
    run(createLogger(level, descriptor))
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  } finally {
    closeSync(descriptor)
    rmSync(folder, { recursive: true })
  }
}

test('a line is JSON with time, level, fields and message', () => {
  const [line] = written('info', (logger) => logger.info({ connections: 3 }, 'limit reached'))
  assert.equal(line?.level, 'info')
  assert.equal(line?.connections, 3)
  assert.equal(line?.msg, 'limit reached')
  assert.match(String(line?.time), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
})

test('an error in the field err is written with its message and stack', () => {
  const [line] = written('error', (logger) => logger.error({ err: new Error('disk full') }, 'append failed'))
  assert.ok(line)
  const { message, stack } = line.err as { message: string; stack: string }
  assert.equal(message, 'disk full')
  assert.match(stack, /logger\.test/)
})

test('what is below the level is not written, and silent writes nothing', () => {
  const all = (logger: ReturnType<typeof createLogger>): void => {
    for (const level of ['debug', 'info', 'warn', 'error'] as const) logger[level]({}, level)
  }
  const levels = (level: LogLevel): unknown[] => written(level, all).map((line) => line.level)
  assert.deepEqual(levels('debug'), ['debug', 'info', 'warn', 'error'])
  assert.deepEqual(levels('warn'), ['warn', 'error'])
  assert.deepEqual(levels('silent'), [])
})

test('the level is changed while it runs; another logger is let through until then', () => {
  const lines = written('warn', (logger) => {
    logger.info({}, 'one')
    logger.setLevel('debug')
    logger.debug({}, 'two')
    logger.setLevel('silent')
    logger.error({}, 'three')
    assert.equal(logger.level, 'silent')
    assert.equal(leveled(logger), logger)
  })
  assert.deepEqual(
    lines.map(({ msg, level }) => [msg, level]),
    [['two', 'debug']],
  )
  const heard: string[] = []
  const hear = (_: object, message: string) => heard.push(message)
  const other = leveled({ debug: hear, info: hear, warn: hear, error: hear })
  other.debug({}, 'all')
  other.setLevel('error')
  other.warn({}, 'not')
  other.error({}, 'but')
  assert.deepEqual(heard, ['all', 'but'])
})
