import type { Question } from '../question.ts'
import { FETCH_SESSION_QUESTIONS } from './fetch-sessions.ts'
import { TRANSACTION_QUESTIONS } from './transactions.ts'

/** Every area has a file of its own. */
export const QUESTIONS: readonly Question[] = [...FETCH_SESSION_QUESTIONS, ...TRANSACTION_QUESTIONS]
