import type { Clock } from '../../../src/runtime/clock.ts'
import type { PlantedFault } from './planted-fault.ts'

/** What may be left lying about. */
export const RESOURCE_PLANTS: Readonly<Record<string, PlantedFault>> = {
  'timers that are cancelled run on': { withinSeeds: 20, wrapClock: (clock) => withoutCancel(clock) },
}

/** What a cancelled timer would have done is not done, but it is there until its time has come. */
function withoutCancel(clock: Clock): Clock {
  return {
    now: () => clock.now(),
    monotonicMs: () => clock.monotonicMs(),
    endOfTurn: (run) => clock.endOfTurn(run),
    after: (delayMs, run) => {
      let cancelled = false
      clock.after(delayMs, () => {
        if (!cancelled) run()
      })
      return {
        cancel: () => {
          cancelled = true
        },
      }
    },
  }
}
