import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { subjectOf } from '../../src/net/distinguished-name.ts'
import { certificate } from './certificates.ts'

/** Subject as Java 17's `X500Principal.getName()` writes it, tab, the certificate as OpenSSL 3 made it. */
const SUBJECTS = readFileSync(resolve(import.meta.dirname, '../golden/certificates/subjects.java-17-openssl-3.tsv'), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => line.split('\t') as [string, string])

for (const [expected, der] of SUBJECTS) {
  test(`the subject ${expected} is written as Java writes it`, () => {
    assert.equal(subjectOf(Buffer.from(der, 'base64')), expected)
  })
}

test('what is cut off anywhere is no certificate, and never another subject', () => {
  const whole = new X509Certificate(certificate('alice')).raw
  assert.equal(subjectOf(whole), 'CN=alice,OU=Engineering,O=Example,C=DE')
  for (let length = 0; length < whole.length; length++) {
    assert.throws(() => subjectOf(whole.subarray(0, length)), RangeError, `${length} bytes`)
  }
})
