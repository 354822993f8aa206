import type { ClassicGroup } from './classic/classic-group.ts'
import type { ConsumerGroup } from './consumer/consumer-group.ts'
import type { ShareGroup } from './share/share-group.ts'

/** A group of any type; a group id has one at a time. */
export type AnyGroup = ClassicGroup | ConsumerGroup | ShareGroup

/** Nobody is in it, though somebody may have been told to come. */
export function isEmpty(group: AnyGroup): boolean {
  return group.type === 'classic' ? group.state === 'Empty' : memberCount(group) === 0
}

/** Nobody is in it or on the way into it. */
export function isDeserted(group: AnyGroup): boolean {
  return group.type === 'classic' ? group.isDeserted : memberCount(group) === 0
}

/** Whether a member consumes the topic. */
export function isSubscribedTo(group: AnyGroup, topicName: string): boolean {
  switch (group.type) {
    case 'classic':
      return group.generation.isSubscribedTo(topicName)
    case 'consumer':
      return group.roster.subscriptions.includes(topicName)
    case 'share':
      return group.subscriptions.includes(topicName)
  }
}

function memberCount(group: ConsumerGroup | ShareGroup): number {
  return group.type === 'consumer' ? group.roster.size : group.size
}
