import { ApiVersionsRequest, ApiVersionsResponse } from '../../../src/kafka/messages/api-versions.ts'
import { MetadataRequest, MetadataResponse } from '../../../src/kafka/messages/metadata.ts'
import { SaslAuthenticateRequest, SaslAuthenticateResponse } from '../../../src/kafka/messages/sasl-authenticate.ts'
import { SaslHandshakeRequest, SaslHandshakeResponse } from '../../../src/kafka/messages/sasl-handshake.ts'
import type { OutOfShape, Shape } from '../../../src/kafka/wire/fields.ts'
import type { Input, Message } from '../../../src/kafka/wire/message.ts'
import { RawClient } from '../../kafka/lib/raw-client.ts'

/** What a broker said in the course of a login, step by step; `closed` where it said nothing more. */
type Heard = readonly unknown[]

/** One connection that does things in an order that no client library would. */
class Caller {
  readonly heard: unknown[] = []
  readonly #client: RawClient

  constructor(client: RawClient) {
    this.#client = client
  }

  handshake = (mechanism: string, version = 1) =>
    this.#ask([SaslHandshakeRequest, SaslHandshakeResponse] as const, version, { mechanism }, ({ errorCode, mechanisms }) => [
      errorCode,
      mechanisms.includes('PLAIN'),
    ])

  /** The lifetime to the second: what is left of it when it is told. */
  plain = (user: string, password: string, version = 2) =>
    this.#ask([SaslAuthenticateRequest, SaslAuthenticateResponse] as const, version, { authBytes: Buffer.from(`\0${user}\0${password}`) }, (answer) => [
      answer.errorCode,
      Math.ceil(answer.sessionLifetimeMs / 1_000),
    ])

  versions = () =>
    this.#ask([ApiVersionsRequest, ApiVersionsResponse] as const, 3, { clientSoftwareName: 'x', clientSoftwareVersion: '1' }, ({ errorCode }) => errorCode)

  metadata = () =>
    this.#ask(
      [MetadataRequest, MetadataResponse] as const,
      5,
      { topics: [], allowAutoTopicCreation: false, includeClusterAuthorizedOperations: false, includeTopicAuthorizedOperations: false },
      () => 'metadata',
    )

  /** A token without request header, as it follows a handshake of version 0. */
  bareToken = async (token: Buffer) => {
    const size = Buffer.alloc(4)
    size.writeInt32BE(token.length)
    this.#client.sendBytes(Buffer.concat([size, token]))
    const frame = await this.#client.nextFrame()
    this.heard.push(frame === null ? 'closed' : frame.toString('hex'))
  }

  async #ask<Q extends Shape, R extends Shape>(
    messages: readonly [Message<Q>, Message<R>],
    version: number,
    value: Input<Message<Q>>,
    tell: (answer: OutOfShape<R>) => unknown,
  ): Promise<void> {
    if (this.heard.at(-1) === 'closed') return
    this.heard.push(await this.#client.ask(messages, version, value).then(tell, () => 'closed'))
  }
}

/** `bob`, whose password is `secret`, and `admin`, whose is the same. */
const SCRIPTS: Readonly<Record<string, (caller: Caller) => Promise<void>>> = {
  'a login as clients do it': async ({ versions, handshake, plain, metadata }) => {
    await versions()
    await handshake('PLAIN')
    await plain('bob', 'secret')
    await metadata()
  },
  'a login that tells its lifetime in version 1, not in version 0': async ({ handshake, plain }) => {
    await handshake('PLAIN')
    await plain('bob', 'secret', 1)
  },
  'a login by SaslAuthenticate of version 0': async ({ handshake, plain }) => {
    await handshake('PLAIN')
    await plain('bob', 'secret', 0)
  },
  'a wrong password': async ({ handshake, plain, versions }) => {
    await handshake('PLAIN')
    await plain('bob', 'wrong')
    await versions()
  },
  'a mechanism that nobody offers': async ({ handshake, versions }) => {
    await handshake('GSSAPI')
    await versions()
  },
  'a request before the login': async ({ metadata }) => metadata(),
  'a token before the handshake': async ({ plain }) => plain('bob', 'secret'),
  'ApiVersions twice, then a login': async ({ versions, handshake, plain }) => {
    await versions()
    await versions()
    await handshake('PLAIN')
    await plain('bob', 'secret')
  },
  'a request amid the login': async ({ handshake, metadata }) => {
    await handshake('PLAIN')
    await metadata()
  },
  'a handshake amid the login': async ({ handshake }) => {
    await handshake('PLAIN')
    await handshake('PLAIN')
  },
  'a token after the login': async ({ handshake, plain, metadata }) => {
    await handshake('PLAIN')
    await plain('bob', 'secret')
    await plain('bob', 'secret')
    await metadata()
  },
  're-authentication': async ({ handshake, plain, metadata }) => {
    await handshake('PLAIN')
    await plain('bob', 'secret')
    await metadata()
    await handshake('PLAIN')
    await plain('bob', 'secret')
    await metadata()
  },
  're-authentication as somebody else': async ({ handshake, plain, metadata }) => {
    await handshake('PLAIN')
    await plain('bob', 'secret')
    await handshake('PLAIN')
    await plain('admin', 'secret')
    await metadata()
  },
  're-authentication with a wrong password': async ({ handshake, plain, metadata }) => {
    await handshake('PLAIN')
    await plain('bob', 'secret')
    await handshake('PLAIN')
    await plain('bob', 'wrong')
    await metadata()
  },
  're-authentication twice within a second': async ({ handshake, plain, metadata }) => {
    await handshake('PLAIN')
    await plain('bob', 'secret')
    await handshake('PLAIN')
    await plain('bob', 'secret')
    await handshake('PLAIN')
    await metadata()
  },
  're-authentication by a mechanism that nobody offers': async ({ handshake, plain, metadata }) => {
    await handshake('PLAIN')
    await plain('bob', 'secret')
    await handshake('GSSAPI')
    await metadata()
  },
  'ApiVersions amid the re-authentication': async ({ handshake, plain, versions }) => {
    await handshake('PLAIN')
    await plain('bob', 'secret')
    await handshake('PLAIN')
    await versions()
  },
  'bare tokens after a handshake of version 0': async ({ handshake, bareToken, metadata }) => {
    await handshake('PLAIN', 0)
    await bareToken(Buffer.from('\0bob\0secret'))
    await metadata()
  },
  'a wrong bare token': async ({ handshake, bareToken }) => {
    await handshake('PLAIN', 0)
    await bareToken(Buffer.from('\0bob\0wrong'))
  },
}

/** Everything, each on a connection of its own. */
export async function tryLogins(bootstrap: string): Promise<Record<string, Heard>> {
  const [host, port] = bootstrap.split(':') as [string, string]
  const heard: Record<string, Heard> = {}
  for (const [name, script] of Object.entries(SCRIPTS)) {
    await using client = await RawClient.connect({ host, port: Number(port) })
    const caller = new Caller(client)
    await script(caller)
    heard[name] = caller.heard
  }
  return heard
}
