/**
 * The one error of decoding: the bytes are no such message. Everything that reads bytes of a peer throws this and nothing
 * else; a server answers it by closing the connection, as Kafka does.
 */
export class MalformedMessage extends Error {
  override readonly name = 'MalformedMessage'
}
