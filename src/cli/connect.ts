import { readFileSync } from 'node:fs'
import { parseListenerAddress } from '../config/listener-address.ts'
import type { HostPort, TlsClientMaterial } from '../runtime/network.ts'
import { nodeNetwork } from '../runtime/node-network.ts'
import { type CommandIo, flag, usageError, word } from './command.ts'
import { KafkaConnection } from './kafka-client/connection.ts'
import { type Credentials, logIn } from './kafka-client/login.ts'
import { readPassword } from './password.ts'

/** The options of a connection by TLS; any of the files implies `--tls`. */
export const TLS_OPTIONS = {
  tls: flag('--tls', 'Connect by TLS.'),
  ca: word('--ca <file>', 'A PEM file with the authorities that the broker’s certificate may come from (default: those of the system).'),
  cert: word('--cert <file>', 'A PEM file with a certificate of one’s own, for brokers that ask for one.'),
  keyFile: word('--key-file <file>', 'A PEM file with the private key of --cert.'),
}

interface TlsOptions {
  readonly tls: boolean
  readonly ca: string | undefined
  readonly cert: string | undefined
  readonly keyFile: string | undefined
}

/** What TLS takes; undefined: a plain connection. */
export function readTls(options: TlsOptions): TlsClientMaterial | undefined {
  const { tls, ca, cert, keyFile } = options
  if ((cert === undefined) !== (keyFile === undefined)) throw usageError('--cert and --key-file go together')
  if (!tls && ca === undefined && cert === undefined) return undefined
  const read = (file: string | undefined): string | null => (file === undefined ? null : readText(file))
  return { ca: read(ca), certificate: read(cert), key: read(keyFile) }
}

/** The options of every command that talks to a broker by the Kafka protocol. */
export const BROKER_OPTIONS = {
  broker: word('-b, --broker <host:port>', 'A Kafka listener of the broker.', 'localhost:9092'),
  user: word('--user <name>', 'Log in as this user; the password is that of --password-file, the variable ELYTRA_PASSWORD, or asked for.'),
  passwordFile: word('--password-file <file>', 'A file whose first line is the password of --user.'),
  ...TLS_OPTIONS,
}

export interface BrokerOptions extends TlsOptions {
  readonly broker: string
  readonly user: string | undefined
  readonly passwordFile: string | undefined
}

/** Where `--broker` points. */
export function parseBroker(words: string): HostPort {
  const address = parseListenerAddress(words)
  if (typeof address === 'string') throw usageError(`--broker ${address}`)
  return address
}

/** Who the command speaks for; undefined: nobody in particular. Asks for the password at most once. */
export async function readCredentials(io: CommandIo, options: Pick<BrokerOptions, 'user' | 'passwordFile'>): Promise<Credentials | undefined> {
  if (options.user === undefined) return undefined
  if (options.passwordFile !== undefined) return { username: options.user, password: firstLine(options.passwordFile) }
  const password = io.environment.ELYTRA_PASSWORD ?? (await readPassword(io, `Password of ${options.user}: `))
  return { username: options.user, password }
}

/** Opens one connection, logged in where a user is given. */
export async function openKafka(options: BrokerOptions, credentials: Credentials | undefined): Promise<KafkaConnection> {
  const connection = await KafkaConnection.open(nodeNetwork, parseBroker(options.broker), readTls(options))
  try {
    if (credentials !== undefined) await logIn(connection, credentials)
    return connection
  } catch (error) {
    connection.close()
    throw error
  }
}

/** Both in one: for commands that need one connection. */
export async function connectKafka(io: CommandIo, options: BrokerOptions): Promise<KafkaConnection> {
  return openKafka(options, await readCredentials(io, options))
}

export function firstLine(file: string): string {
  return readText(file).split(/\r?\n/, 1)[0] ?? ''
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw usageError(`cannot read a file: ${(error as Error).message}`)
  }
}
