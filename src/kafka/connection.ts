import type { Principal } from '../broker/security/ports.ts'
import type { Connection, ConnectionHandler } from '../net/connection.ts'
import type { HostPort } from '../runtime/network.ts'
import type { Logger } from '../telemetry/logger.ts'
import { AnswerQueue } from './answer-queue.ts'
import { type Api, type ApiTable, serves } from './api-table.ts'
import type { FetchMemory } from './fetch-memory.ts'
import { FrameReader } from './frame-reader.ts'
import type { ClientConnection, KafkaBroker } from './handler.ts'
import { API_VERSIONS_KEY, unsupportedApiVersions } from './handlers/api-versions.ts'
import { ApiVersionsResponse } from './messages/api-versions.ts'
import type { PartialFrames } from './partial-frames.ts'
import { RequestCharge } from './request-charge.ts'
import type { Authentication } from './sasl/authentication.ts'
import { answerBareToken } from './sasl/bare-token.ts'
import type { Chunks } from './wire/chunk-writer.ts'
import { decodeRequestHeader, decodeRequestStart, encodeResponse, type RequestStart } from './wire/frame.ts'
import { MalformedMessage } from './wire/malformed-message.ts'
import { decode, isFlexible } from './wire/message.ts'

export interface KafkaConnectionParts {
  readonly broker: KafkaBroker
  readonly apis: ApiTable
  readonly logger: Logger
  readonly partialFrames: PartialFrames
  readonly fetchMemory: FetchMemory
}

/** `sasl.server.max.receive.size`: the largest request of a client that has yet to authenticate. */
const MAX_UNTRUSTED_BYTES = 524_288
/** How long answers may take that are under way when the broker stops. */
const STOP_GRACE_MS = 1_000

/**
 * One Kafka client: frames in, requests processed in the order they came, answers out in the same order (rule 5).
 *
 * Requests are processed as they arrive even while earlier ones wait for their commit, so that a connection is never muted
 * for a sync; only an `exclusive` API holds back what follows it. Reading pauses while too many requests or bytes are
 * unanswered, or the client does not take its answers.
 */
export class KafkaConnection implements ConnectionHandler, ClientConnection {
  readonly advertised: HostPort
  readonly authentication: Authentication
  readonly #connection: Connection
  readonly #parts: KafkaConnectionParts
  readonly #frames: FrameReader
  readonly #answers: AnswerQueue
  readonly #onClose = new Set<() => void>()
  /** Frames that were read but not processed yet: at most one chunk's worth, since reading is paused while there are any. */
  #backlog: Buffer[] = []
  /** An exclusive request is being processed. */
  #held = false
  /** What it appended waits for the disk, as everybody's does. */
  #stalled = false
  /** Its client used more than its quotas. */
  #muted = false
  #mutedUntilMs = 0
  #ending: string | null = null
  #closed = false

  constructor(connection: Connection, parts: KafkaConnectionParts, authentication: Authentication, advertised: HostPort) {
    this.#connection = connection
    this.#parts = parts
    this.authentication = authentication
    this.advertised = advertised
    this.#frames = new FrameReader(MAX_UNTRUSTED_BYTES)
    this.#answers = new AnswerQueue((chunks) => this.#write(chunks))
  }

  get principal(): Principal {
    return this.authentication.principal
  }

  get remoteAddress(): string {
    return this.#connection.remoteAddress
  }

  get closed(): boolean {
    return this.#closed || !this.#connection.open
  }

  close(reason: string): void {
    this.#connection.destroy(reason)
  }

  closeAfterAnswer(reason: string): void {
    this.#ending = reason
  }

  onClose(run: () => void): () => void {
    this.#onClose.add(run)
    return () => this.#onClose.delete(run)
  }

  onData(chunk: Buffer): void {
    const completedBefore = this.#frames.completedFrames
    const { maxRequestBytes } = this.#parts.broker.settings
    this.#frames.maxBytes = this.authentication.trusted ? maxRequestBytes : Math.min(maxRequestBytes, MAX_UNTRUSTED_BYTES)
    try {
      this.#frames.push(chunk, (frame) => {
        if (this.#backlog.length > 0 || this.#blocked()) this.#backlog.push(frame)
        else this.#process(frame)
      })
    } catch (error) {
      this.#refuse(error)
      return
    }
    this.#parts.partialFrames.update(this, this.#frames.partialBytes, this.#frames.completedFrames !== completedBefore)
    if (this.#blocked()) this.#connection.pause('handler')
  }

  /** What was processed is answered, what only waits for others (a Fetch, a JoinGroup) is not. */
  onStopping(reason: string): void {
    this.#ending = reason
    this.#connection.pause('handler')
    if (this.#answers.waiting === (this.#held ? 1 : 0)) this.#connection.close(reason)
    else this.#parts.broker.clock.after(STOP_GRACE_MS, () => this.#connection.close(reason))
  }

  onDrained(): void {
    this.#advance()
  }

  onClosed(reason: string): void {
    this.#closed = true
    this.#backlog = []
    this.#parts.partialFrames.update(this, 0, false)
    this.#parts.logger.debug({ remote: this.remoteAddress, reason }, 'Kafka connection closed')
    const waiting = [...this.#onClose]
    this.#onClose.clear()
    for (const run of waiting) run()
  }

  /** Nothing more may be processed now. */
  #blocked(): boolean {
    const { maxInFlightRequests, maxInFlightBytes } = this.#parts.broker.settings
    const answers = this.#answers
    return (
      this.#held ||
      this.#stalled ||
      this.#muted ||
      this.#connection.congested ||
      answers.waiting >= maxInFlightRequests ||
      answers.waitingBytes >= maxInFlightBytes
    )
  }

  /** Goes on after a block may have ended. */
  #advance(): void {
    if (this.closed) return
    let taken = 0
    try {
      while (taken < this.#backlog.length && !this.#blocked()) this.#process(this.#backlog[taken++] as Buffer)
    } catch (error) {
      this.#refuse(error)
    }
    this.#backlog = this.#backlog.slice(taken)
    if (this.#backlog.length === 0 && !this.#blocked()) this.#connection.resume('handler')
  }

  #process(frame: Buffer): void {
    if (this.closed || this.#ending !== null) return
    if (this.authentication.expectsBareToken) {
      this.#hold(answerBareToken(frame, this, this.#parts.broker), frame.length)
      return
    }
    const start = decodeRequestStart(frame)
    const entry = this.#parts.apis.get(start.apiKey)
    if (!this.authentication.permits(start.apiKey)) {
      throw new MalformedMessage(`${entry?.name ?? `API ${start.apiKey}`} before authentication`)
    }
    if (entry === undefined || !serves(entry, start.apiVersion)) this.#answerUnserved(start, entry)
    else this.#handle(frame, start, entry)
  }

  /** Rule 2: no answer, the connection closes; but rule 3: ApiVersions always answers. */
  #answerUnserved(start: RequestStart, entry: Api | undefined): void {
    if (start.apiKey !== API_VERSIONS_KEY) {
      throw new MalformedMessage(`version ${start.apiVersion} of ${entry?.name ?? `API ${start.apiKey}`} is not served`)
    }
    const answer = unsupportedApiVersions(this.#parts.apis.ranges)
    this.#answers.add(encodeResponse(ApiVersionsResponse, 0, start.correlationId, answer), 0)
  }

  #handle(frame: Buffer, start: RequestStart, entry: Api): void {
    const version = start.apiVersion
    const header = decodeRequestHeader(frame, isFlexible(entry.request, version))
    const request = decode(entry.request, version, frame, header.bodyOffset)
    const context = {
      version,
      clientId: header.clientId ?? '',
      connection: this,
      broker: this.#parts.broker,
      apiRanges: this.#parts.apis.ranges,
      fetchMemory: this.#parts.fetchMemory,
    }
    const charge = this.#parts.broker.throttle.active ? new RequestCharge(context, entry.key) : null
    const encode = (answer: never): Chunks =>
      encodeResponse(entry.response, version, start.correlationId, charge === null ? answer : this.#settle(charge, answer))
    const answer = entry.handler(request, context)
    if (charge !== null) this.#mute(charge.processed(frame.length))
    if (entry.appends) this.#stallWhileCongested()
    if (answer === null) return
    if (!(answer instanceof Promise)) {
      this.#answers.add(encode(answer), frame.length)
      this.#finishEnding()
      return
    }
    const encoded = answer.then((value) => (value === null || this.closed ? null : encode(value)))
    if (entry.exclusive) this.#hold(encoded, frame.length)
    else this.#await(encoded, frame.length)
  }

  #settle(charge: RequestCharge, answer: object): never {
    const told = charge.answered(answer)
    this.#mute(told.throttleTimeMs)
    return told as never
  }

  /** KIP-219: a client that used more than its quota is not read for a while; what it is to be answered leaves. */
  #mute(waitMs: number): void {
    if (waitMs <= 0 || this.closed) return
    const { clock } = this.#parts.broker
    this.#mutedUntilMs = Math.max(this.#mutedUntilMs, clock.monotonicMs() + waitMs)
    if (this.#muted) return
    this.#muted = true
    this.#connection.pause('handler')
    const unmute = (): void => {
      const leftMs = this.#mutedUntilMs - clock.monotonicMs()
      if (leftMs > 0) {
        clock.after(Math.ceil(leftMs), unmute)
        return
      }
      this.#muted = false
      this.#advance()
    }
    clock.after(Math.ceil(waitMs), unmute)
  }

  /** Back-pressure: a producer is not read while the log has more than it can bring to the disk. */
  #stallWhileCongested(): void {
    const { log } = this.#parts.broker
    if (!log.congested || this.#stalled) return
    this.#stalled = true
    log.whenDrained(() => {
      this.#stalled = false
      this.#advance()
    })
  }

  /** An answer that waits, and holds back what follows. */
  #hold(answer: Promise<Chunks | null>, requestBytes: number): void {
    this.#held = true
    const settled = answer.finally(() => {
      this.#held = false
    })
    this.#await(settled, requestBytes)
  }

  #await(answer: Promise<Chunks | null>, requestBytes: number): void {
    const settle = this.#answers.promise(requestBytes)
    answer.then(
      (chunks) => {
        if (this.closed) return
        settle(chunks)
        this.#finishEnding()
        this.#advance()
      },
      (error: unknown) => this.#refuse(error),
    )
  }

  #write(chunks: Chunks): void {
    for (const chunk of chunks) this.#connection.write(chunk)
  }

  #finishEnding(): void {
    if (this.#ending !== null && this.#answers.waiting === 0) this.#connection.close(this.#ending)
  }

  /** A client that speaks wrongly is closed, as Kafka does; anything else is a fault of ours, and closes too. */
  #refuse(error: unknown): void {
    if (error instanceof MalformedMessage) {
      this.#parts.logger.info({ remote: this.remoteAddress, reason: error.message }, 'Kafka connection refused')
    } else {
      this.#parts.logger.error({ remote: this.remoteAddress, err: error }, 'Kafka request failed')
    }
    this.#connection.destroy(error instanceof Error ? error.message : String(error))
  }
}
