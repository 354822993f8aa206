import type { ClassicGroup } from './classic/classic-group.ts'
import type { ConsumerGroup } from './consumer/consumer-group.ts'

/** A group of either protocol; a group id has one at a time. */
export type AnyGroup = ClassicGroup | ConsumerGroup

/** Nobody is in it, though somebody may have been told to come. */
export function isEmpty(group: AnyGroup): boolean {
  return group.type === 'classic' ? group.state === 'Empty' : group.roster.size === 0
}

/** Nobody is in it or on the way into it. */
export function isDeserted(group: AnyGroup): boolean {
  return group.type === 'classic' ? group.isDeserted : group.roster.size === 0
}

/** Whether a member consumes the topic. */
export function isSubscribedTo(group: AnyGroup, topicName: string): boolean {
  return group.type === 'classic' ? group.generation.isSubscribedTo(topicName) : group.roster.subscriptions.includes(topicName)
}
