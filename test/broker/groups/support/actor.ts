import type { JoinResult, SyncResult } from '../../../../src/broker/groups/group-requests.ts'
import { protocol, TestConnection, textOf, type Waiting, type World } from './world.ts'

/** A consumer as clients behave: joins, syncs, heartbeats, and does what errors tell it. */
export class Actor {
  readonly instanceId: string | null
  readonly #version: { readonly knownMemberId: boolean; readonly skipAssignment: boolean }
  /** Changes its metadata at times, as cooperative assignors do. */
  owned = ''
  alive = true
  memberId = ''
  generation = -1
  connection = new TestConnection()
  /** What it was given in `generation`; null until it synced. */
  assignment: string | null = null
  #joined: JoinResult | null = null
  #joining: Waiting<JoinResult> | null = null
  #syncing: Waiting<SyncResult> | null = null

  constructor(instanceId: string | null, version: { knownMemberId: boolean; skipAssignment: boolean }) {
    this.instanceId = instanceId
    this.#version = version
  }

  get waits(): boolean {
    return this.#joining !== null || this.#syncing !== null
  }

  /** Does the next thing; answers the assignment it was just given, else null. */
  step(world: World): string | null {
    if (!this.alive) return null
    if (this.#joining !== null) return this.#readJoin()
    if (this.#syncing !== null) return this.#readSync()
    if (this.assignment !== null) this.#heartbeat(world)
    else if (this.#joined !== null) this.#sync(world, this.#joined)
    else this.rejoin(world)
    return null
  }

  rejoin(world: World): void {
    this.assignment = null
    this.#joined = null
    this.#joining = world.join({
      memberId: this.memberId,
      instanceId: this.instanceId,
      connection: this.connection,
      requiresKnownMemberId: this.#version.knownMemberId,
      canSkipAssignment: this.#version.skipAssignment,
      protocols: [protocol('range', ['t'], this.owned)],
      rebalanceTimeoutMs: 20_000,
    })
  }

  /** Its process is gone without a word. */
  crash(): void {
    this.alive = false
    this.connection.close()
  }

  /** The connection broke: answers that were on the way are lost, the member goes on. */
  reconnect(): void {
    this.connection.close()
    this.connection = new TestConnection()
    this.#joining = null
    this.#syncing = null
    if (this.assignment === null) this.#joined = null
  }

  #readJoin(): null {
    const result = this.#joining?.result
    if (result === undefined) return null
    this.#joining = null
    if (result.error === null || result.error.name === 'MEMBER_ID_REQUIRED') this.memberId = result.memberId
    if (result.error === null) {
      this.#joined = result
      this.generation = result.generation
    } else this.#failed(result.error.name)
    return null
  }

  #sync(world: World, joined: JoinResult): void {
    const leads = joined.leader === joined.memberId && !joined.skipAssignment
    const assignments = leads ? Object.fromEntries(joined.members.map((member, index) => [member.memberId, `p${index}`])) : {}
    this.#syncing = world.sync(joined, assignments, { instanceId: this.instanceId })
  }

  #readSync(): string | null {
    const result = this.#syncing?.result
    if (result === undefined) return null
    this.#syncing = null
    if (result.error !== null) {
      this.#joined = null
      this.#failed(result.error.name)
      return null
    }
    this.assignment = textOf(result)
    return this.assignment
  }

  #heartbeat(world: World): void {
    const error = world.heartbeat(this.#joined ?? undefined, { instanceId: this.instanceId, connection: this.connection })
    if (error === 'NONE') return
    this.assignment = null
    this.#joined = null
    this.#failed(error)
  }

  #failed(error: string): void {
    switch (error) {
      case 'UNKNOWN_MEMBER_ID':
        this.memberId = ''
        return
      case 'FENCED_INSTANCE_ID':
        this.alive = false
        return
      case 'REBALANCE_IN_PROGRESS':
      case 'ILLEGAL_GENERATION':
      case 'MEMBER_ID_REQUIRED':
      case 'NOT_COORDINATOR':
      case 'COORDINATOR_NOT_AVAILABLE':
        return
      default:
        throw new Error(`a member met ${error}`)
    }
  }

  get joined(): JoinResult | null {
    return this.#joined
  }
}
