/** Many groups of many consumers: the process that runs them. */
import type { HostPort } from '../../../src/runtime/network.ts'
import { ClassicMember } from './classic-member.ts'
import { ConsumerMember } from './consumer-member.ts'
import { GroupLedger, isSettled } from './group-ledger.ts'
import type { Member } from './member.ts'
import type { GroupOrder, Order, Report } from './swarm.ts'

const REPORT_EVERY_MS = 250

class Group {
  readonly members: Member[] = []
  readonly ledger: GroupLedger
  readonly #broker: HostPort
  readonly #order: GroupOrder

  constructor(broker: HostPort, order: GroupOrder) {
    this.#broker = broker
    this.#order = order
    this.ledger = new GroupLedger(order.partitions)
    this.add(order.members)
  }

  get settled(): boolean {
    return isSettled(this.members, this.#order.partitions)
  }

  add(count: number): void {
    for (let n = 0; n < count; n++) {
      const member = new (this.#order.protocol === 'classic' ? ClassicMember : ConsumerMember)(this.#broker, this.#order, this.ledger)
      member.start()
      this.members.push(member)
    }
  }

  async remove(count: number, vanish: boolean): Promise<void> {
    await Promise.all(this.members.splice(0, count).map((member) => (vanish ? member.vanish() : member.leave())))
  }

  caughtUp(end: number): boolean {
    return this.ledger.readTo(end) === this.#order.partitions
  }
}

const groups: Group[] = []
let end = 0
let orders = 0

async function carryOut(order: Order): Promise<void> {
  if (order.kind === 'stop') process.exit(0)
  else if (order.kind === 'expect') end = order.end
  else if (order.kind === 'start') groups.push(...order.groups.map((one) => new Group(order.broker, one)))
  else if (order.members > 0) for (const group of groups) group.add(order.members)
  else await Promise.all(groups.map((group) => group.remove(-order.members, order.vanish)))
  orders += 1
}

process.on('message', (order: Order) => void carryOut(order))
// Nothing outlives the test.
process.on('disconnect', () => process.exit(0))
setInterval(() => {
  const report: Report = {
    groups: groups.length,
    settled: groups.filter((group) => group.settled).length,
    members: groups.reduce((sum, group) => sum + group.members.filter(({ generation }) => generation !== null).length, 0),
    caughtUp: groups.filter((group) => group.caughtUp(end)).length,
    gaps: groups.reduce((sum, { ledger }) => sum + ledger.gaps, 0),
    repeats: groups.reduce((sum, { ledger }) => sum + ledger.repeats, 0),
    orders,
  }
  process.send?.(report)
}, REPORT_EVERY_MS)
