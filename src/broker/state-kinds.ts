/** The kinds of coordinator state: which state machine owns a record of the state log. A number is never reused. */
export const STATE_KINDS = {
  topic: 1,
  user: 2,
  producerIds: 3,
  group: 4,
  groupOffset: 5,
  session: 6,
  sessionQos2: 7,
  sessionAck: 8,
  mark: 9,
  retained: 10,
  will: 11,
  cluster: 12,
  autoTopic: 13,
  consumerGroup: 14,
  groupConfig: 15,
  transaction: 20,
} as const
