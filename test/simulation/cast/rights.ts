import { RightsModel } from '../rights-model.ts'
import { actor, type Workload } from '../stage.ts'
import { RightsKeeper, RightsTaker } from '../workloads/rights.ts'

/**
 * Rights that come and go while a user writes and reads: what was acknowledged as allowed or denied holds, also after any crash, and
 * nothing is in the log that its writer was refused.
 */
export const rights: Workload = {
  topics: [],
  start({ world, actors }) {
    const model = new RightsModel()
    const keeper = new RightsKeeper(world, model)
    const taker = new RightsTaker(world, model, keeper)
    actors.push(
      actor('root', () => keeper.idle),
      actor('bob', () => taker.idle),
    )
    void keeper.run()
    void taker.run()
    return { verify: () => taker.verify() }
  },
}
