import type { BrokerContext } from '../broker/broker.ts'
import type { BrokerConfigs } from '../broker/configs/broker-configs.ts'
import type { GroupConfigs } from '../broker/configs/group-configs.ts'
import type { GroupCoordinator } from '../broker/groups/group-coordinator.ts'
import type { ProducerIds } from '../broker/producers/producer-ids.ts'
import type { ClientQuotas } from '../broker/quotas/client-quotas.ts'
import type { Throttle } from '../broker/quotas/throttle.ts'
import type { Principal } from '../broker/security/ports.ts'
import type { SharePartitions } from '../broker/shares/share-partitions.ts'
import type { Recompression } from '../broker/topics/recompression.ts'
import type { TransactionCoordinator } from '../broker/transactions/transaction-coordinator.ts'

import type { HostPort } from '../runtime/network.ts'
import type { LogLevels } from '../telemetry/logger.ts'
import type { FetchMemory } from './fetch-memory.ts'
import type { FetchSessions } from './fetch-sessions.ts'
import type { Authentication } from './sasl/authentication.ts'
import type { ShareSessions } from './share-sessions.ts'

/**
 * Answers one request of one API: a plain function of a file in `handlers/`.
 *
 * - A value is the answer. Return it directly wherever nothing waits: a synchronous answer leaves in the turn its request came in.
 * - A promise is an answer that waits (Produce for its commit, JoinGroup for the others). Later requests of the connection are
 *   processed meanwhile, in order; only their answers queue behind this one (rule 5). State must therefore change before the
 *   handler returns, and what is awaited is only the commit or an event. An API that must hold back later requests until it is
 *   answered (Fetch, SASL) says `exclusive` in its line of `apis.ts`.
 * - Null is no answer at all: acks=0, or a connection that was closed by the handler (`context.connection.close`).
 *
 * A handler never throws for what a client sent. An exception or a rejection is a bug: it is logged and the connection closes.
 */
export type Handler<Request, Response> = (request: Request, context: RequestContext) => Response | null | Promise<Response | null>

/** What a handler may know beside the request itself. */
export interface RequestContext {
  /** The version of the API that request and response are encoded in. */
  readonly version: number
  /** '' where the client sent none. */
  readonly clientId: string
  readonly connection: ClientConnection
  /** What ApiVersions tells. */
  readonly apiRanges: readonly ApiRange[]
  /** Bounds the memory of Fetch answers. */
  readonly fetchMemory: FetchMemory
  readonly broker: KafkaBroker
}

/** An API this broker serves, in the versions it advertises. */
export interface ApiRange {
  readonly apiKey: number
  readonly minVersion: number
  readonly maxVersion: number
}

/** The connection as handlers see it. */
export interface ClientConnection {
  /** Who it speaks for now. */
  readonly principal: Principal
  /** Of the client, for DescribeGroups and logs: `127.0.0.1`. */
  readonly remoteAddress: string
  /** Where clients of this listener shall connect: the setting, else the address this client connected to. */
  readonly advertised: HostPort
  readonly closed: boolean
  /** Where it stands with SASL; only the SASL handlers change it. */
  readonly authentication: Authentication
  /** Closes now, without an answer to anything that waits; `reason` is for the log. */
  close(reason: string): void
  /** Closes in order as soon as the answer to the current request has been written; nothing after it is processed. */
  closeAfterAnswer(reason: string): void
  /** Called once when the connection has closed, whoever closed it (a parked JoinGroup or Fetch then forgets itself); returns how to take it back. */
  onClose(run: () => void): () => void
}

/** The parts of the broker that handlers use. Each coordinator adds itself here. */
export interface KafkaBroker extends BrokerContext {
  readonly identity: ClusterIdentity
  readonly settings: KafkaSettings
  readonly groups: GroupCoordinator
  readonly producerIds: ProducerIds
  readonly transactions: TransactionCoordinator
  readonly fetchSessions: FetchSessions
  readonly shares: SharePartitions
  readonly shareSessions: ShareSessions
  readonly recompression: Recompression
  readonly brokerConfigs: BrokerConfigs
  readonly groupConfigs: GroupConfigs
  readonly quotas: ClientQuotas
  readonly throttle: Throttle
  readonly logLevels: LogLevels
}

/** What Metadata and DescribeCluster say of this broker. */
interface ClusterIdentity {
  /** 22 characters of URL-safe base64, made once per data directory. */
  readonly clusterId: string
  readonly nodeId: number
}

/** Settings of the Kafka side; defaults are `DEFAULT_KAFKA_SETTINGS`. */
export interface KafkaSettings {
  /** `auto.create.topics.enable`. */
  readonly autoCreateTopics: boolean
  /** What acks=all waits for: `durable`, or `written` where `acks-all: os` asks for Kafka's own page-cache promise. */
  readonly acksAll: 'durable' | 'written'
  /** `socket.request.max.bytes`: a larger frame closes the connection. */
  readonly maxRequestBytes: number
  /** `fetch.max.bytes`: the most one Fetch answer holds, whatever the client asks, but always one whole batch. */
  readonly maxFetchBytes: number
  /** Bytes of Fetch answers under way, over all connections of a listener; the less is left, the smaller answers become. */
  readonly maxFetchMemoryBytes: number
  /** Requests of one connection that are processed but not answered; reading pauses at the bound. */
  readonly maxInFlightRequests: number
  /** Bytes of those requests; reading pauses at the bound. */
  readonly maxInFlightBytes: number
  /** `queued.max.request.bytes`: bytes of requests under way, over all connections, beyond which the slowest connection is closed. */
  readonly maxPartialFrameBytes: number
  /** `connection.failed.authentication.delay.ms`. */
  readonly failedAuthenticationDelayMs: number
}

export const DEFAULT_KAFKA_SETTINGS: KafkaSettings = {
  autoCreateTopics: true,
  acksAll: 'durable',
  maxRequestBytes: 104_857_600,
  maxFetchBytes: 57_671_680,
  maxFetchMemoryBytes: 134_217_728,
  maxInFlightRequests: 1_000,
  maxInFlightBytes: 33_554_432,
  maxPartialFrameBytes: 134_217_728,
  failedAuthenticationDelayMs: 100,
}
