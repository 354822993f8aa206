import { joining } from '../../../kafka/lib/consumer-group-client.ts'
import { CONSUMER_GROUP_STORIES, play, type Story } from '../../../kafka/lib/consumer-group-stories.ts'
import type { Peer, Question } from '../question.ts'

const NOBODYS_EPOCH: Story = async (s) => {
  await s.topic('t', 1)
  await s.beat(joining('m1', 't'))
  return [await s.fetch(9, null, 2, 't'), await s.fetch(10, null, 2, 't')]
}

/** Groups of KIP-848 (rules 25 and 26), and groups between both protocols. */
export const CONSUMER_GROUP_QUESTIONS: readonly Question[] = [
  ...Object.entries(CONSUMER_GROUP_STORIES).map(([name, story]) => ({ name: `consumer groups: ${name}`, ask: (peer: Peer) => play(story, peer) })),
  {
    name: 'consumer groups: OffsetFetch with an epoch and without a member',
    ask: (peer) => play(NOBODYS_EPOCH, peer),
  },
]
