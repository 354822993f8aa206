import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { differences } from '../../../scripts/kafka-messages/compare.ts'
import { parseSpecification } from '../../../scripts/kafka-messages/specification.ts'
import { array, int16, int32, nullableSince, since, string, struct, tagged, until, withDefault } from '../../../src/kafka/wire/fields.ts'
import { message } from '../../../src/kafka/wire/message.ts'

/** A specification in the form of Kafka's files, comments included; not one of them. */
const SPECIFICATION = `// header comment
{
  "apiKey": 900, "type": "request", "name": "PlantRequest",
  // Version 2 adds a colour.
  "validVersions": "0-3", "flexibleVersions": "2+",
  "fields": [
    { "name": "GardenId", "type": "string", "versions": "0+", "nullableVersions": "1+", "about": "which" },
    { "name": "Beds", "type": "[]Bed", "versions": "0+", "fields": [
      { "name": "Row", "type": "int32", "versions": "0+" },
      { "name": "Depth", "type": "int16", "versions": "0-1", "default": "-1" }
    ]},
    { "name": "Colour", "type": "Colour", "versions": "2+", "taggedVersions": "2+", "tag": 0, "fields": [
      { "name": "Red", "type": "int32", "versions": "2+", "default": "7" }
    ]}
  ]
}`

const head = { key: 900, name: 'PlantRequest', versions: [0, 3], flexible: 2 } as const
const colour = tagged(0, since(2, struct({ red: withDefault(int32, 7) })))
const bed = { row: int32, depth: until(1, int16, -1) }
const shape = { gardenId: nullableSince(1, string), beds: array(bed), colour }

const specification = parseSpecification(SPECIFICATION)

suite('the comparison with Kafka’s specifications', () => {
  test('finds nothing where the table says the same', () => {
    assert.deepEqual(differences(message(head, shape), specification), [])
  })

  const drifts: Record<string, [ReturnType<typeof message>, RegExp]> = {
    'a renamed field': [message(head, { garden: shape.gardenId, beds: shape.beds, colour }), /v0 has the fields garden, beds; Kafka's has gardenId, beds/],
    'a missing field': [message(head, { gardenId: shape.gardenId, colour }), /has the fields gardenId; Kafka's has gardenId, beds/],
    'two fields in another order': [message(head, { beds: shape.beds, gardenId: shape.gardenId, colour }), /has the fields beds, gardenId/],
    'another type': [message(head, { ...shape, beds: array({ ...bed, row: int16 }) }), /row: type is int16, Kafka has int32/],
    'an array that is none': [message(head, { ...shape, beds: struct(bed) }), /beds: array is false, Kafka has true/],
    'a field that comes too early': [message(head, { ...shape, beds: array({ ...bed, depth: until(2, int16, -1) }) }), /v2 beds has the fields row, depth/],
    'null too early': [message(head, { ...shape, gardenId: nullableSince(0, string) }), /v0 gardenId: nullable is true, Kafka has false/],
    'null never': [message(head, { ...shape, gardenId: string }), /v3 gardenId: nullable is false, Kafka has true/],
    'another default': [message(head, { ...shape, beds: array({ ...bed, depth: until(1, int16) }) }), /depth: default is 0, Kafka has -1/],
    'another default in a tagged struct': [message(head, { ...shape, colour: tagged(0, since(2, struct({ red: int32 }))) }), /red: default is 0, Kafka has 7/],
    'another tag': [message(head, { ...shape, colour: tagged(1, colour) }), /colour \(tag 1\); Kafka's has .*colour \(tag 0\)/],
    'an untagged field': [message(head, { ...shape, colour: since(2, struct({ red: withDefault(int32, 7) })) }), /beds, colour; Kafka's has/],
    'another key': [message({ ...head, key: 901 }, shape), /key is 901, Kafka has 900/],
    'a version too few': [message({ ...head, versions: [0, 2] }, shape), /last version is 2, Kafka has 3/],
    'another first flexible version': [message({ ...head, flexible: 1 }, shape), /v1 is flexible, Kafka's is not/],
  }
  for (const [name, [table, expected]] of Object.entries(drifts)) {
    test(`finds ${name}`, () => {
      assert.match(differences(table, specification).join('\n'), expected)
    })
  }

  test('takes the latest version for unreleased where Kafka says so', () => {
    const table = message({ ...head, versions: [0, 2] }, shape)
    assert.deepEqual(differences(table, { ...specification, latestVersionUnstable: true }), [])
  })
})
