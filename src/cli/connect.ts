import { readFileSync } from 'node:fs'
import { parseListenerAddress } from '../config/listener-address.ts'
import type { HostPort } from '../runtime/network.ts'
import { nodeNetwork } from '../runtime/node-network.ts'
import { type CommandIo, usageError, word } from './command.ts'
import { KafkaConnection } from './kafka-client/connection.ts'
import { type Credentials, logIn } from './kafka-client/login.ts'
import { readPassword } from './password.ts'

/** The options of every command that talks to a broker by the Kafka protocol. */
export const BROKER_OPTIONS = {
  broker: word('-b, --broker <host:port>', 'A Kafka listener of the broker.', 'localhost:9092'),
  user: word('--user <name>', 'Log in as this user; the password is that of --password-file, the variable ELYTRA_PASSWORD, or asked for.'),
  passwordFile: word('--password-file <file>', 'A file whose first line is the password of --user.'),
}

export interface BrokerOptions {
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
export async function readCredentials(io: CommandIo, options: Omit<BrokerOptions, 'broker'>): Promise<Credentials | undefined> {
  if (options.user === undefined) return undefined
  if (options.passwordFile !== undefined) return { username: options.user, password: firstLine(options.passwordFile) }
  const password = io.environment.ELYTRA_PASSWORD ?? (await readPassword(io, `Password of ${options.user}: `))
  return { username: options.user, password }
}

/** Opens one connection, logged in where a user is given. */
export async function openKafka(broker: string, credentials: Credentials | undefined): Promise<KafkaConnection> {
  const connection = await KafkaConnection.open(nodeNetwork, parseBroker(broker))
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
  return openKafka(options.broker, await readCredentials(io, options))
}

export function firstLine(file: string): string {
  try {
    return readFileSync(file, 'utf8').split(/\r?\n/, 1)[0] ?? ''
  } catch (error) {
    throw usageError(`cannot read the password: ${(error as Error).message}`)
  }
}
