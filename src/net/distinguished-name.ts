/**
 * The subject of an X.509 certificate as text, in the form of RFC 2253 that Kafka's principals have: what Java's
 * `X500Principal.getName()` gives, so that ACLs and mapping rules written for Kafka mean the same here. The bytes are those of a
 * certificate that TLS has verified; whatever is not one throws a RangeError.
 */

/** Attribute types with a name of their own in RFC 2253; others are written as numbers, their values as hexadecimal. */
const NAMES: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.9': 'STREET',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '0.9.2342.19200300.100.1.1': 'UID',
  '0.9.2342.19200300.100.1.25': 'DC',
}

const SEQUENCE = 0x30
const VERSION = 0xa0
const UTF8_STRING = 0x0c
const PRINTABLE_STRING = 0x13
const T61_STRING = 0x14
const IA5_STRING = 0x16
const BMP_STRING = 0x1e
const UNIVERSAL_STRING = 0x1c

/** One element of DER: what it is, and its content. */
interface Element {
  readonly tag: number
  readonly content: Uint8Array
  /** With tag and length. */
  readonly whole: Uint8Array
}

/** `CN=alice,OU=Engineering,O=Example,C=DE` of a certificate in DER; the empty string where the subject is empty. */
export function subjectOf(certificate: Uint8Array): string {
  const [outer] = elementsOf(certificate)
  const [toBeSigned] = elementsOf(outer?.content ?? certificate)
  const fields = elementsOf(toBeSigned?.content ?? certificate)
  // version (left out in version 1), serial number, algorithm, issuer, validity, subject.
  const subject = fields[fields[0]?.tag === VERSION ? 5 : 4]
  if (subject?.tag !== SEQUENCE) throw new RangeError('no certificate: it has no subject')
  return elementsOf(subject.content).map(printRelative).reverse().join(',')
}

/** A relative distinguished name: usually one attribute. */
function printRelative(set: Element): string {
  return elementsOf(set.content).map(printAttribute).join('+')
}

function printAttribute(attribute: Element): string {
  const [type, value] = elementsOf(attribute.content)
  if (type === undefined || value === undefined) throw new RangeError('no certificate: an attribute of the subject has no value')
  const number = objectIdentifier(type.content)
  const name = NAMES[number]
  const text = name === undefined ? null : textOf(value)
  return text === null ? `${name ?? number}=#${Buffer.from(value.whole).toString('hex')}` : `${name}=${escaped(text)}`
}

/** Null for what is no string. */
function textOf({ tag, content }: Element): string | null {
  const bytes = Buffer.from(content)
  switch (tag) {
    case UTF8_STRING:
    case PRINTABLE_STRING:
      return bytes.toString('utf8')
    case IA5_STRING:
    case T61_STRING:
      return bytes.toString('latin1')
    case BMP_STRING:
      return Buffer.from(bytes.subarray(0, bytes.length & ~1))
        .swap16()
        .toString('utf16le')
    case UNIVERSAL_STRING:
      return String.fromCodePoint(...Array.from({ length: bytes.length >> 2 }, (_, index) => Math.min(bytes.readUInt32BE(index * 4), 0x10ffff)))
    default:
      return null
  }
}

/** RFC 2253, section 2.4, with the additions of Java: `=` and `#` are escaped wherever they are. */
function escaped(text: string): string {
  const inside = text.replace(/[,=+<>#;"\\]/g, '\\$&').replaceAll('\0', '\\00')
  return inside.replace(/^ +/, (spaces) => '\\ '.repeat(spaces.length)).replace(/(?<!^|\\) +$/, (spaces) => '\\ '.repeat(spaces.length))
}

function objectIdentifier(bytes: Uint8Array): string {
  const numbers: number[] = []
  let number = 0
  for (const byte of bytes) {
    number = number * 128 + (byte & 0x7f)
    if (byte & 0x80) continue
    if (numbers.length === 0) numbers.push(Math.min(2, Math.floor(number / 40)), number - 40 * Math.min(2, Math.floor(number / 40)))
    else numbers.push(number)
    number = 0
  }
  return numbers.join('.')
}

function elementsOf(bytes: Uint8Array): Element[] {
  const elements: Element[] = []
  let at = 0
  while (at < bytes.length) {
    const start = at
    const tag = byteAt(bytes, at++)
    let length = byteAt(bytes, at++)
    if (length >= 0x80) {
      const count = length & 0x7f
      if (count === 0 || count > 4) throw new RangeError('no certificate: a length of DER is wrong')
      length = 0
      for (let index = 0; index < count; index++) length = length * 256 + byteAt(bytes, at++)
    }
    if (at + length > bytes.length) throw new RangeError('no certificate: DER ends early')
    elements.push({ tag, content: bytes.subarray(at, at + length), whole: bytes.subarray(start, at + length) })
    at += length
  }
  return elements
}

function byteAt(bytes: Uint8Array, at: number): number {
  const byte = bytes[at]
  if (byte === undefined) throw new RangeError('no certificate: DER ends early')
  return byte
}
