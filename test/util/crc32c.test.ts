import assert from 'node:assert/strict'
import test from 'node:test'
import { crc32c } from '../../src/util/crc32c.ts'

// RFC 3720, appendix B.4.
test('the check values of RFC 3720 come out', () => {
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa)
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43)
  assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e)
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283)
})

test('native code and table agree at every cut, on views too', () => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => (i * 31) ^ (i >> 3))
  const whole = crc32c(bytes)
  for (const cut of [0, 1, 100, 255, 256, 257, 700, 744, 745, 999]) assert.equal(crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut))), whole)
  let byByte = 0
  for (let i = 0; i < bytes.length; i++) byByte = crc32c(bytes.subarray(i, i + 1), byByte)
  assert.equal(byByte, whole)
})
