import type { Question } from '../question.ts'
import { CONFIG_QUESTIONS } from './configs.ts'
import { CONSUMER_GROUP_QUESTIONS } from './consumer-groups.ts'
import { FETCH_SESSION_QUESTIONS } from './fetch-sessions.ts'
import { TRANSACTION_QUESTIONS } from './transactions.ts'

/** Every area has a file of its own. */
export const QUESTIONS: readonly Question[] = [...CONFIG_QUESTIONS, ...CONSUMER_GROUP_QUESTIONS, ...FETCH_SESSION_QUESTIONS, ...TRANSACTION_QUESTIONS]
