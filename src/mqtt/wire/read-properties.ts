import { PROPERTY_OF, type Properties, type PropertyCarrier, type PropertyRow } from './property-table.ts'
import { REASON } from './reason-codes.ts'
import type { WireReader } from './wire-reader.ts'

/** What packets without properties share; never changed. */
export const NO_PROPERTIES: Readonly<Properties> = Object.freeze({})

/** The properties at the reader's place: their length, then each once, unless the table says it repeats. */
export function readProperties(reader: WireReader, carrier: PropertyCarrier): Readonly<Properties> {
  const length = reader.varint()
  if (length === 0) return NO_PROPERTIES
  if (!reader.need(length)) return NO_PROPERTIES
  const packetEnd = reader.end
  reader.end = reader.at + length
  const properties: Properties = {}
  while (reader.at < reader.end) readProperty(reader, carrier, properties)
  if (reader.fault === null) reader.end = packetEnd
  return properties
}

function readProperty(reader: WireReader, carrier: PropertyCarrier, properties: Properties): void {
  const id = reader.varint()
  const property = PROPERTY_OF[id]
  if (property === undefined || !property.packets.includes(carrier)) {
    // 2.2.2.2: an identifier that is not valid for the packet makes it malformed.
    reader.fail(REASON.malformedPacket, `a ${carrier} has no property 0x${id.toString(16)}`)
    return
  }
  const before = properties[property.name]
  if (before !== undefined && !property.repeats.includes(carrier)) {
    reader.fail(REASON.protocolError, `${property.name} is there twice`)
    return
  }
  const value = readValue(reader, property)
  if (reader.fault !== null) return
  ;(properties as Record<string, unknown>)[property.name] = property.type === 'pair' || property.type === 'varint' ? append(before, value) : value
}

function append(list: unknown, value: unknown): unknown[] {
  if (!Array.isArray(list)) return [value]
  list.push(value)
  return list
}

function readValue(reader: WireReader, property: PropertyRow): unknown {
  switch (property.type) {
    case 'byte':
      return checked(reader, property, reader.uint8())
    case 'boolean':
      return checked(reader, property, reader.uint8()) === 1
    case 'uint16':
      return checked(reader, property, reader.uint16())
    case 'uint32':
      return checked(reader, property, reader.uint32())
    case 'varint':
      return checked(reader, property, reader.varint())
    case 'string':
      return reader.string(property.name)
    case 'binary':
      return reader.binary()
    case 'pair':
      return [reader.string('name of a user property'), reader.string('value of a user property')]
  }
}

function checked(reader: WireReader, property: PropertyRow, value: number): number {
  if (value < property.min || value > property.max) reader.fail(REASON.protocolError, `${property.name} must not be ${value}`)
  return value
}
