import type { SettingsInput } from '../../src/config/settings.ts'
import type { LogModel } from './log-model.ts'
import type { World } from './world.ts'

/** Somebody who takes part: a run ends when all are idle. */
export interface Actor {
  /** Who, and once something is missing, what. */
  readonly name: string
  readonly idle: boolean
}

/** A topic that is never deleted nor cut: every partition has a reader, and all of it is checked at the end against what was sent. */
export interface KeptTopic {
  readonly name: string
  readonly partitions: number
  /** Whatever is written there waits for the disk, so that its high watermark is a promise. */
  readonly alwaysDurable: boolean
  readonly configs?: readonly { readonly name: string; readonly value: string }[]
}

/** What a workload is given. */
export interface Stage {
  readonly world: World
  readonly model: LogModel
  /** A run is drained when all of them are idle. */
  readonly actors: Actor[]
}

/** Its end. */
export interface Part {
  /** After the last restart, with nothing failing any more: what survived is what it must be. */
  verify?(): Promise<void>
  /** Its clients say goodbye: what the broker held for them must be gone. */
  close?(): void
}

/** A kind of clients with what is checked of them; a seed takes some of them. */
export interface Workload {
  readonly topics: readonly KeptTopic[]
  /** Settings of the broker that it needs and others could not be judged under: it plays alone. */
  readonly settings?: SettingsInput
  /** Its topics are there. Starts its clients; they run until `world.stopping`, finish what they began, and are idle. */
  start(stage: Stage): Part
}

/** A client that is due messages. */
export interface Receiver {
  closed: boolean
  /** The first one that is due and was not given; null where there is none. */
  missing(): string | null
  run(): Promise<void>
}

/** Idle when nothing is missing. */
export function receiverActor(name: string, receiver: Pick<Receiver, 'missing'>): Actor {
  return actor(
    name,
    () => receiver.missing() === null,
    () => `it was not given ${receiver.missing()}`,
  )
}

/** Starts receivers by the names of their actors; they say goodbye with the part. */
export function startReceivers({ actors }: Stage, receivers: readonly (readonly [name: string, receiver: Receiver])[]): Part {
  for (const [name, receiver] of receivers) {
    actors.push(receiverActor(name, receiver))
    void receiver.run()
  }
  return {
    close: () => {
      for (const [, receiver] of receivers) receiver.closed = true
    },
  }
}

/** `why` says what an actor that is not idle waits for. */
export function actor(name: string, isIdle: () => boolean, why: () => string = () => ''): Actor {
  return {
    get name() {
      return isIdle() ? name : `${name} ${why()}`
    },
    get idle() {
      return isIdle()
    },
  }
}
