import type { LogStore } from '../log/ports.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Random } from '../runtime/random.ts'
import type { Security } from './security/ports.ts'
import type { TopicRegistry } from './topics/topic-registry.ts'

/** What every part of the core stands on: passed to constructors, never a global. */
export interface BrokerContext {
  readonly clock: Clock
  readonly random: Random
  readonly log: LogStore
  readonly topics: TopicRegistry
  readonly security: Security
}
