import type { Question } from '../question.ts'
import { ADMINISTRATION_QUESTIONS } from './administration.ts'
import { COMPACTION_QUESTIONS } from './compaction.ts'
import { CONFIG_QUESTIONS } from './configs.ts'
import { CONSUMER_GROUP_QUESTIONS } from './consumer-groups.ts'
import { FETCH_QUESTIONS } from './fetch.ts'
import { FETCH_SESSION_QUESTIONS } from './fetch-sessions.ts'
import { OFFSET_QUESTIONS } from './offsets.ts'
import { PRODUCE_QUESTIONS } from './produce.ts'
import { RECORD_QUESTIONS } from './records.ts'
import { SHARE_GROUP_QUESTIONS } from './share-groups.ts'
import { SHARE_QUESTIONS } from './shares.ts'
import { TOPIC_LIFE_QUESTIONS } from './topic-lives.ts'
import { TOPIC_QUESTIONS } from './topics.ts'
import { TRANSACTION_QUESTIONS } from './transactions.ts'
import { WIRE_QUESTIONS } from './wire.ts'

/** Every area has a file of its own. */
export const QUESTIONS: readonly Question[] = [
  ...ADMINISTRATION_QUESTIONS,
  ...COMPACTION_QUESTIONS,
  ...CONFIG_QUESTIONS,
  ...CONSUMER_GROUP_QUESTIONS,
  ...FETCH_QUESTIONS,
  ...FETCH_SESSION_QUESTIONS,
  ...OFFSET_QUESTIONS,
  ...PRODUCE_QUESTIONS,
  ...RECORD_QUESTIONS,
  ...SHARE_GROUP_QUESTIONS,
  ...SHARE_QUESTIONS,
  ...TOPIC_LIFE_QUESTIONS,
  ...TOPIC_QUESTIONS,
  ...TRANSACTION_QUESTIONS,
  ...WIRE_QUESTIONS,
]
