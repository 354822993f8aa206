import { AssertionError } from 'node:assert'
import type { TestContext } from 'node:test'

/** A live Kafka applies much of what it confirmed a little later, and on a slow machine seconds later. */
const TRIES = 3

/**
 * Compares with a live Kafka: a comparison that fails is made again, from its beginning and of both sides, at most twice. Who differs
 * for good differs each time; each attempt that failed is told as a diagnostic.
 */
export async function comparedWithKafka(t: TestContext, compare: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await compare()
      return
    } catch (error) {
      if (!(error instanceof AssertionError) || attempt === TRIES) throw error
      t.diagnostic(`attempt ${attempt}: ${error.message.slice(0, 2_000)}`)
    }
  }
}
