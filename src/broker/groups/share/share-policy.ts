import type { GroupConfigs } from '../../configs/group-configs.ts'
import type { ShareGroupConfigs, ShareGroupPolicy, ShareReset } from '../../shares/ports.ts'

/** What groups may choose of, out of their configs. */
export class GroupSharePolicy implements ShareGroupPolicy {
  readonly #configs: GroupConfigs

  constructor(configs: GroupConfigs) {
    this.#configs = configs
  }

  of(groupId: string): ShareGroupConfigs {
    const configs = this.#configs
    return {
      get recordLockDurationMs() {
        return configs.number(groupId, 'share.record.lock.duration.ms')
      },
      get deliveryCountLimit() {
        return configs.number(groupId, 'share.delivery.count.limit')
      },
      get partitionMaxRecordLocks() {
        return configs.number(groupId, 'share.partition.max.record.locks')
      },
      get autoOffsetReset() {
        return readReset(configs.text(groupId, 'share.auto.offset.reset'))
      },
      get readCommitted() {
        return configs.text(groupId, 'share.isolation.level') === 'read_committed'
      },
      get renewAcknowledgeEnable() {
        return configs.text(groupId, 'share.renew.acknowledge.enable') === 'true'
      },
    }
  }
}

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000
const SECOND_MS = 1_000

/** `earliest`, `latest`, or `by_duration:P1DT2H3M4.5S`, as `share.auto.offset.reset` was checked to be. */
function readReset(text: string): ShareReset {
  if (text === 'earliest' || text === 'latest') return text
  const match = /^by_duration:P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/i.exec(text)
  if (match === null) throw new Error(`share.auto.offset.reset was not checked: ${text}`)
  const [days, hours, minutes, seconds] = match.slice(1).map((part) => Number(part ?? 0)) as [number, number, number, number]
  return { durationMs: days * DAY_MS + hours * HOUR_MS + minutes * MINUTE_MS + Math.round(seconds * SECOND_MS) }
}
