import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import {
  array,
  between,
  bool,
  bytes,
  type Field,
  int8,
  int16,
  int32,
  int64,
  nullable,
  nullableBetween,
  recordSlices,
  records,
  type Shape,
  since,
  string,
  struct,
  tagged,
  until,
  uuid,
  withDefault,
} from '../../../src/kafka/wire/fields.ts'
import { decode, encode, type Infer, type Input, layoutOfMessage, message } from '../../../src/kafka/wire/message.ts'
import { MAX_ELEMENTS } from '../../../src/kafka/wire/read.ts'

/** A message of one field, in version 0; flexible if asked. */
const only = <F extends Field>(field: F, flexible = false) =>
  message({ key: 900, name: 'Only', versions: [0, 9], flexible: flexible ? 0 : Infinity }, { field } as { field: F })

function hex<S extends Shape>(table: ReturnType<typeof message<S>>, version: number, value: Parameters<typeof encode<S>>[2]): string {
  return Buffer.concat(encode(table, version, value)).toString('hex')
}
function fieldOf<S extends Shape>(table: ReturnType<typeof message<S>>, version: number, hexText: string): unknown {
  const buffer = Buffer.from(hexText, 'hex')
  const cursor = { ended: 0 }
  const value = decode(table, version, buffer, 0, cursor)
  assert.equal(cursor.ended, buffer.length)
  return (value as { field?: unknown }).field
}

suite('the wire form of each type', () => {
  // Bytes by hand from Kafka's protocol guide ("Protocol Primitive Types") and KIP-482.
  const cases: [name: string, field: Field, flexible: boolean, value: unknown, hex: string][] = [
    ['bool', bool, false, true, '01'],
    ['int8', int8, false, -2, 'fe'],
    ['int16', int16, false, -2, 'fffe'],
    ['int32', int32, false, -2_147_483_648, '80000000'],
    ['int64', int64, false, 2 ** 40 + 5, '0000010000000005'],
    ['int64 below zero', int64, false, -1, 'ffffffffffffffff'],
    ['int64 just above 32 bits below zero', int64, false, -(2 ** 32) - 1, 'fffffffeffffffff'],
    ['the largest int64', int64, false, Number.MAX_SAFE_INTEGER, '7fffffffffffffff'],
    ['the smallest int64', int64, false, Number.MIN_SAFE_INTEGER, '8000000000000000'],
    ['uuid', uuid, false, 'AAECAwQFBgcICQoLDA0ODw', '000102030405060708090a0b0c0d0e0f'],
    ['string', string, false, 'é!', '0003c3a921'],
    ['empty string', string, false, '', '0000'],
    ['null string', nullable(string), false, null, 'ffff'],
    ['compact string', string, true, 'é!', '04c3a92100'],
    ['compact null string', nullable(string), true, null, '0000'],
    ['bytes', bytes, false, Buffer.from('abc'), '00000003616263'],
    ['null bytes', nullable(bytes), false, null, 'ffffffff'],
    ['compact bytes', bytes, true, Buffer.from('abc'), '0461626300'],
    ['records', records, false, Buffer.from('abc'), '00000003616263'],
    ['null records', nullable(records), true, null, '0000'],
    ['array', array(int16), false, [1, 2], '0000000200010002'],
    ['empty array', array(int16), false, [], '00000000'],
    ['null array', nullable(array(int16)), false, null, 'ffffffff'],
    ['compact array', array(int16), true, [1], '02000100'],
    ['compact null array', nullable(array(int16)), true, null, '0000'],
    ['array of strings', array(string), false, ['a', ''], '000000020001610000'],
    ['array of structs', array({ a: int8, b: string }), false, [{ a: 1, b: 'x' }], '0000000101000178'],
    ['compact array of structs, with their tags', array({ a: int8 }), true, [{ a: 1 }, { a: 2 }], '030100020000'],
    ['struct', struct({ a: int8, b: int16 }), false, { a: 1, b: 2 }, '010002'],
    ['null struct (KIP-893)', nullable(struct({ a: int8 })), true, null, 'ff00'],
    ['struct that may be null', nullable(struct({ a: int8 })), true, { a: 5 }, '01050000'],
    ['tagged field', tagged(3, int32), true, 9, '01030400000009'],
    ['tagged field with its default', tagged(3, withDefault(int32, 9)), true, 9, '00'],
    ['tagged null', tagged(0, nullable(string)), true, null, '01000100'],
    ['tagged field whose default is null', tagged(0, withDefault(nullable(string), null)), true, null, '00'],
    ['tagged struct with its defaults', tagged(1, struct({ a: withDefault(int32, -1) })), true, { a: -1 }, '00'],
    ['tagged struct', tagged(1, struct({ a: withDefault(int8, -1) })), true, { a: 7 }, '010102' + '0700'],
    ['tagged empty array', tagged(1, array(int8)), true, [], '00'],
  ]
  for (const [name, field, flexible, value, expected] of cases) {
    test(`${name}: ${expected}`, () => {
      const table = only(field, flexible)
      assert.equal(hex(table, 0, { field: value }), expected)
      assert.deepEqual(fieldOf(table, 0, expected), value)
    })
  }

  test('lengths above 127 take more bytes', () => {
    for (const length of [41, 42, 126, 127, 128, 200, 16_383, 16_384, 100_000]) {
      for (const field of [string, tagged(0, string)] as const) {
        const text = 'é'.repeat(length >> 1) + 'x'.repeat(length & 1)
        const table = only(field, true)
        assert.equal(fieldOf(table, 0, hex(table, 0, { field: text })), text, `${length}`)
      }
    }
    assert.ok(hex(only(string, true), 0, { field: 'x'.repeat(127) }).startsWith('800178'))
    // 200 characters: 2 bytes of length inside the tag, 202 bytes of tag.
    assert.ok(hex(only(tagged(0, string), true), 0, { field: 'x'.repeat(200) }).startsWith('0100ca01c90178'))
  })

  test('an array of 200 elements has a compact length of two bytes', () => {
    const table = only(array(int8), true)
    const field = Array.from({ length: 200 }, () => 1)
    assert.ok(hex(table, 0, { field }).startsWith('c90101'))
    assert.deepEqual(fieldOf(table, 0, hex(table, 0, { field })), field)
  })
})

suite('versions', () => {
  const Garden = message(
    { key: 900, name: 'Garden', versions: [1, 6], flexible: 5 },
    {
      always: int8,
      early: until(2, int8, -5),
      late: since(4, string, 'spade'),
      middle: between(3, 4, int16),
      note: nullableBetween(2, 5, string),
      beds: since(2, array({ row: int8, depth: since(3, int8, 7) })),
      soil: tagged(0, since(6, struct({ acid: withDefault(int8, -1) }))),
    },
  )
  type Garden = Infer<typeof Garden>

  test('a field is on the wire in its versions and has its default in the others', () => {
    const value = { always: 1, early: 2, late: 'x', middle: 3, note: 'n', beds: [{ row: 1, depth: 2 }] }
    assert.equal(hex(Garden, 1, value), '0102' + '00016e')
    assert.equal(hex(Garden, 2, value), '0102' + '00016e' + '00000001' + '01')
    assert.equal(hex(Garden, 4, value), '01' + '000178' + '0003' + '00016e' + '00000001' + '0102')
    assert.equal(hex(Garden, 6, { ...value, soil: { acid: 4 } }), '01' + '0278' + '026e' + '02' + '010200' + '01' + '00' + '02' + '0400')
    const decoded: Garden = decode(Garden, 1, Buffer.from('010200016e', 'hex'))
    assert.deepEqual(decoded, { always: 1, early: 2, late: 'spade', middle: 0, note: 'n', beds: [], soil: { acid: -1 } })
  })

  test('fields with a default may be left out of what is encoded', () => {
    const least: Input<typeof Garden> = { always: 1, middle: 0, note: null, beds: [{ row: 1 }] }
    assert.equal(hex(Garden, 5, least), ['01', '06', '7370616465', '00', '02', '010700', '00'].join(''))
  })

  test('every version gives objects with the same properties in the same order', () => {
    const value = { always: 1, middle: 3, note: 'n', beds: [] }
    for (let version = 1; version <= 6; version++) {
      assert.deepEqual(Object.keys(decode(Garden, version, Buffer.concat(encode(Garden, version, value)))), Object.keys(Garden.shape))
    }
  })

  test('a version outside the table is a bug', () => {
    assert.throws(() => decode(Garden, 7, Buffer.alloc(9)), { name: 'RangeError', message: /Garden has no version 7, only 1 to 6/ })
    assert.throws(() => encode(Garden, 0, { always: 1, middle: 0, note: null, beds: [] }), RangeError)
  })

  test('a tag in a version that is not flexible is a bug', () => {
    assert.throws(() => layoutOfMessage(only(tagged(0, int8)), 0), /tag 0 in version 0, which is not flexible/)
  })
})

suite('what is malformed', () => {
  const malformed = (field: Field, flexible: boolean, bytesHex: string, pattern: RegExp) =>
    assert.throws(() => decode(only(field, flexible), 0, Buffer.from(bytesHex, 'hex')), { name: 'MalformedMessage', message: pattern })

  test('every truncation of a message', () => {
    const table = message(
      { key: 900, name: 'Full', versions: [0, 1], flexible: 1 },
      { a: int64, b: nullable(string), c: array({ d: uuid, e: bytes, f: array(int32) }), g: nullable(struct({ h: bool })), i: tagged(0, since(1, string)) },
    )
    const item = { d: 'AAECAwQFBgcICQoLDA0ODw', e: Buffer.from('abc'), f: [1, 2] }
    for (const version of [0, 1]) {
      const whole = Buffer.concat(encode(table, version, { a: 1, b: 'text', c: [item, item], g: { h: true }, i: 'tag' }))
      decode(table, version, whole)
      for (let length = 0; length < whole.length; length++) {
        assert.throws(() => decode(table, version, whole.subarray(0, length)), { name: 'MalformedMessage' }, `v${version} ${length}`)
      }
    }
  })

  test('an array announced with 2^31 - 1 elements is refused without allocating it', () => {
    malformed(array(int32), false, '7fffffff00000000', /ends before/)
    malformed(array({ a: int8 }), true, 'ffffffff0700', /ends before/)
    malformed(nullable(array(string)), false, '7fffffff0000', /ends before/)
  })

  test('more elements than MAX_ELEMENTS, however small they are and however they are nested', () => {
    const flat = Buffer.alloc(4 + MAX_ELEMENTS + 1)
    flat.writeInt32BE(MAX_ELEMENTS + 1)
    assert.throws(() => decode(only(array(int8)), 0, flat), { name: 'MalformedMessage', message: /array elements/ })
    const nested = only(array(array(int8)))
    const inner = Buffer.alloc(4 + 100_000)
    inner.writeInt32BE(100_000)
    const outer = Buffer.alloc(4)
    outer.writeInt32BE(11)
    assert.throws(() => decode(nested, 0, Buffer.concat([outer, ...Array.from({ length: 11 }, () => inner)])), { message: /array elements/ })
  })

  test('a negative length where null is not allowed', () => {
    malformed(string, false, 'ffff', /negative length/)
    malformed(string, true, '0000', /negative length/)
    malformed(array(int8), false, 'ffffffff', /negative length/)
    malformed(array(int8), true, 'ffffffff0f', /negative length/)
    malformed(bytes, false, '80000000', /negative length/)
  })

  test('text that is not UTF-8 and grows beyond what can be written, when each byte becomes a character of three', () => {
    const bytes = (length: number) => Buffer.concat([Buffer.from([length >> 8, length & 255]), Buffer.alloc(length, 0xff)]).toString('hex')
    malformed(string, false, bytes(10_923), /not UTF-8/)
    assert.equal((decode(only(string), 0, Buffer.from(bytes(10_922), 'hex')) as { field: string }).field.length, 10_922)
  })

  test('a varint of more than 32 bits or 5 bytes', () => {
    malformed(string, true, 'ffffffff7f', /larger than 32 bits/)
    malformed(string, true, '8080808080', /longer than 5 bytes/)
  })

  test('a tagged field whose length is not that of its value', () => {
    malformed(tagged(0, int8), true, '0100020102', /wrong length/)
    malformed(tagged(0, int16), true, '01000101', /ends before/)
    malformed(tagged(0, int16), true, '0100010102', /ends before/)
  })
})

suite('tolerance', () => {
  test('as in Kafka, any negative length is null where null is allowed', () => {
    assert.equal(fieldOf(only(nullable(string)), 0, 'fffe'), null)
    assert.equal(fieldOf(only(nullable(string)), 0, '8000'), null)
    assert.equal(fieldOf(only(nullable(array(int8))), 0, 'fffffffe'), null)
    assert.equal(fieldOf(only(nullable(bytes)), 0, '80000000'), null)
    assert.equal(fieldOf(only(nullable(string), true), 0, 'ffffffff0f00'), null)
  })

  test('as in Kafka, bytes of a text that are not UTF-8 become replacement characters', () => {
    assert.equal(fieldOf(only(string), 0, '0002c328'), '\ufffd(')
    assert.equal(fieldOf(only(string), 0, '0001ff'), '\ufffd')
    assert.equal(fieldOf(only(string), 0, '0003616263'), 'abc')
  })

  test('unknown tagged fields are skipped', () => {
    assert.equal(fieldOf(only(tagged(2, int8), true), 0, '03' + '0003aabbcc' + '020105' + '7f00'), 5)
  })

  test('what follows a message is left alone, and the cursor stands before it', () => {
    const cursor = { ended: 0 }
    assert.deepEqual(decode(only(int8), 0, Buffer.from('ff05ee', 'hex'), 1, cursor), { field: 5 })
    assert.equal(cursor.ended, 2)
  })

  test('a plain Uint8Array that is a window of a larger buffer is read within its window', () => {
    const window = new Uint8Array(Uint8Array.of(9, 9, 0, 1, 65, 9).buffer, 2, 3)
    assert.deepEqual(decode(only(string), 0, window), { field: 'A' })
    assert.throws(() => decode(only(string), 0, new Uint8Array(window.buffer, 2, 2)), { name: 'MalformedMessage' })
  })

  test('bytes are views, not copies', () => {
    const buffer = Buffer.from('00000003616263', 'hex')
    const view = (decode(only(bytes), 0, buffer) as { field: Uint8Array }).field
    buffer[4] = 0x7a
    assert.equal(Buffer.from(view).toString(), 'zbc')
  })
})

suite('what cannot be written is a bug of the caller', () => {
  const unwritable: [string, Field, unknown][] = [
    ['a missing field', int32, undefined],
    ['a missing string', string, undefined],
    ['null where it is not allowed', string, null],
    ['null for an array', array(int8), null],
    ['an int32 out of range', int32, 2 ** 31],
    ['an int16 out of range', int16, 40_000],
    ['an int8 out of range', int8, 200],
    ['a fraction', int32, 1.5],
    ['an unsafe int64', int64, 2 ** 60],
    ['a number for a boolean', bool, 1],
    ['a number for a string', string, 5],
    ['a uuid that is none', uuid, 'short'],
    ['a string over 32,767 bytes in a version that is not flexible', string, 'x'.repeat(32_768)],
  ]
  for (const [name, field, value] of unwritable) {
    test(name, () => {
      assert.throws(() => encode(only(field), 0, { field: value }), RangeError)
    })
  }
})

suite('chunks', () => {
  test('record batches are among the chunks as they are, and the lengths are right', () => {
    const table = message({ key: 900, name: 'Slices', versions: [0, 1], flexible: 1 }, { topics: array({ name: string, data: nullable(recordSlices) }) })
    const [first, second, third] = [Buffer.alloc(300, 1), Buffer.alloc(5, 2), Buffer.alloc(7, 3)] as const
    const value = {
      topics: [
        { name: 'a', data: [first, second] },
        { name: 'b', data: null },
        { name: 'c', data: [] },
        { name: 'd', data: [third] },
      ],
    }
    for (const version of [0, 1]) {
      const chunks = encode(table, version, value)
      assert.ok(chunks.includes(first) && chunks.includes(second) && chunks.includes(third))
      const decoded = decode(table, version, Buffer.concat(chunks))
      assert.deepEqual(
        decoded.topics.map((topic) => topic.data?.map((slice) => slice.length) ?? null),
        [[305], null, [], [7]],
      )
    }
  })

  test('a message that outgrows its buffer between record batches is written whole', () => {
    const table = message({ key: 900, name: 'Growing', versions: [0, 0] }, { parts: array({ name: string, data: recordSlices }) })
    const parts = Array.from({ length: 500 }, (_, index) => ({ name: `part ${index} `.repeat(20), data: [Buffer.alloc(index % 5, index)] }))
    const decoded = decode(table, 0, Buffer.concat(encode(table, 0, { parts })))
    assert.deepEqual(
      decoded.parts.map((part) => part.name),
      parts.map((part) => part.name),
    )
    assert.ok(decoded.parts.every((part, index) => (part.data[0]?.length ?? 0) === index % 5))
  })

  test('chunks of one message do not change when the next one is written', () => {
    const table = only(string)
    const chunks = encode(table, 0, { field: 'first' })
    encode(table, 0, { field: 'other' })
    assert.equal(Buffer.concat(chunks).toString('hex'), '00056669727374')
  })
})
