/**
 * Checks written in another language print one JSON object a line: `{"check": NAME, "ok": true | false, "detail": TEXT}`.
 * Each becomes a test of its own here.
 */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { type RunOptions, run, tail } from './process.ts'

interface Check {
  readonly check: string
  readonly ok: boolean
  readonly detail?: string
}

/** Runs the program and reports each of its checks as a subtest; a program that ends badly or checks nothing is a failure. */
export async function externalChecks(t: TestContext, command: string, args: readonly string[], options: RunOptions = {}): Promise<void> {
  const result = await run(command, args, options)
  const checks = result.stdout
    .split('\n')
    .filter((line) => line.startsWith('{"check"'))
    .map((line) => JSON.parse(line) as Check)
  for (const check of checks) await t.test(check.check, () => assert.ok(check.ok, check.detail))
  assert.ok(checks.length > 0, `no check was reported\n${tail(result.stdout)}\n${tail(result.stderr)}`)
  assert.equal(result.code, 0, `ended with ${result.code}\n${tail(result.stdout)}\n${tail(result.stderr)}`)
}
