import type { Clock } from '../../../src/runtime/clock.ts'
import type { PlantedFault } from './planted-fault.ts'

/** What may be left lying about. */
export const RESOURCE_PLANTS: Readonly<Record<string, PlantedFault>> = {
  'a timer that is cancelled leaves another behind': { withinSeeds: 20, wrapClock: leakTimers },
  'the cache of newest batches has no bound': { withinSeeds: 20, logBounds: { tailCacheBytes: Number.MAX_SAFE_INTEGER } },
}

/** As an interval does that nobody clears. */
const LEFT_MS = 600_000

function leakTimers(clock: Clock): Clock {
  return {
    now: () => clock.now(),
    monotonicMs: () => clock.monotonicMs(),
    endOfTurn: (run) => clock.endOfTurn(run),
    after: (delayMs, run) => {
      const timer = clock.after(delayMs, run)
      return {
        cancel: () => {
          timer.cancel()
          clock.after(LEFT_MS, () => {})
        },
      }
    },
  }
}
