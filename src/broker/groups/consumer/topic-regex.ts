import { createRequire } from 'node:module'
import type { RE2JS } from 're2js'

/** A regular expression over topic names, in RE2's syntax and time: linear in the name, whatever the expression. */
export interface TopicRegex {
  matches(topicName: string): boolean
}

/** Characters of an expression. */
const MAX_LENGTH = 8_192
/** Steps of what it compiles to; a match may take as many per character of a name. `[\\pL]{900}` is long in that sense, not in the other. */
const MAX_STEPS = 10_000

/** The compiled expression, which must match whole names, or what is wrong with it. */
export function compileTopicRegex(source: string): TopicRegex | string {
  if (source.length > MAX_LENGTH) return `it is longer than ${MAX_LENGTH} characters`
  try {
    const compiled = loadRe2().compile(source)
    if (compiled.programSize() > MAX_STEPS) return `it compiles to more than ${MAX_STEPS} steps`
    return { matches: (topicName) => compiled.matches(topicName) }
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** Loaded on first use: most brokers never meet such a subscription. */
function loadRe2(): typeof RE2JS {
  return (createRequire(import.meta.url)('re2js') as typeof import('re2js')).RE2JS
}
