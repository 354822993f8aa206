import { DescribeGroupsRequest, DescribeGroupsResponse } from '../../../src/kafka/messages/describe-groups.ts'
import { HeartbeatRequest, HeartbeatResponse } from '../../../src/kafka/messages/heartbeat.ts'
import { JoinGroupRequest, JoinGroupResponse } from '../../../src/kafka/messages/join-group.ts'
import { LeaveGroupRequest, LeaveGroupResponse } from '../../../src/kafka/messages/leave-group.ts'
import { OffsetCommitRequest, OffsetCommitResponse } from '../../../src/kafka/messages/offset-commit.ts'
import { OffsetFetchRequest, OffsetFetchResponse } from '../../../src/kafka/messages/offset-fetch.ts'
import { SyncGroupRequest, SyncGroupResponse } from '../../../src/kafka/messages/sync-group.ts'
import type { HostPort } from '../../../src/runtime/network.ts'
import { ZERO_UUID } from '../../../src/util/uuid.ts'
import { RawClient } from './raw-client.ts'

export interface Versions {
  readonly join: number
  readonly sync: number
  readonly heartbeat: number
  readonly leave: number
  readonly commit: number
  readonly fetch: number
  readonly describe: number
}

export const NEWEST: Versions = { join: 9, sync: 5, heartbeat: 4, leave: 5, commit: 10, fetch: 10, describe: 6 }

/** A consumer's subscription to `t`, version 0, with user data. */
export function subscription(userData = ''): Buffer {
  return Buffer.concat([Buffer.from([0, 0, 0, 0, 0, 1, 0, 1, 0x74, 0, 0, 0, userData.length]), Buffer.from(userData)])
}

export interface JoinWords {
  readonly groupId?: string
  readonly memberId?: string
  readonly instanceId?: string | null
  readonly sessionTimeoutMs?: number
  readonly rebalanceTimeoutMs?: number
  readonly protocolType?: string
  readonly protocols?: readonly { readonly name: string; readonly metadata: Uint8Array }[]
}

export interface MemberWords {
  readonly groupId?: string
  readonly memberId: string
  readonly generation: number
  readonly instanceId?: string | null
}

export interface CommitWords extends Partial<MemberWords> {
  readonly topic?: string
  readonly topicId?: string
  readonly partition?: number
  readonly offset?: number
  readonly metadata?: string | null
}

/** One member on a connection of its own, in chosen versions of every API. */
export class GroupClient implements AsyncDisposable {
  readonly raw: RawClient
  readonly versions: Versions
  readonly groupId: string

  constructor(raw: RawClient, groupId: string, versions: Versions) {
    this.raw = raw
    this.groupId = groupId
    this.versions = versions
  }

  static async connect(address: HostPort, groupId = 'g', versions: Partial<Versions> = {}): Promise<GroupClient> {
    return new GroupClient(await RawClient.connect(address), groupId, { ...NEWEST, ...versions })
  }

  join(words: JoinWords = {}) {
    return this.raw.ask([JoinGroupRequest, JoinGroupResponse] as const, this.versions.join, {
      groupId: words.groupId ?? this.groupId,
      sessionTimeoutMs: words.sessionTimeoutMs ?? 30_000,
      rebalanceTimeoutMs: words.rebalanceTimeoutMs ?? 60_000,
      memberId: words.memberId ?? '',
      groupInstanceId: words.instanceId ?? null,
      protocolType: words.protocolType ?? 'consumer',
      protocols: words.protocols ?? [{ name: 'range', metadata: subscription() }],
    })
  }

  /** Joins for good, also where the version wants a second JoinGroup (KIP-394). */
  async enter(words: JoinWords = {}) {
    const first = await this.join(words)
    return first.errorCode === 79 ? this.join({ ...words, memberId: first.memberId }) : first
  }

  sync(words: MemberWords, assignments: Readonly<Record<string, string>> = {}, protocol: { type?: string | null; name?: string | null } = {}) {
    return this.raw.ask([SyncGroupRequest, SyncGroupResponse] as const, this.versions.sync, {
      groupId: words.groupId ?? this.groupId,
      generationId: words.generation,
      memberId: words.memberId,
      groupInstanceId: words.instanceId ?? null,
      protocolType: protocol.type === undefined ? 'consumer' : protocol.type,
      protocolName: protocol.name === undefined ? 'range' : protocol.name,
      assignments: Object.entries(assignments).map(([memberId, text]) => ({ memberId, assignment: Buffer.from(text) })),
    })
  }

  async heartbeat(words: MemberWords): Promise<number> {
    const { errorCode } = await this.raw.ask([HeartbeatRequest, HeartbeatResponse] as const, this.versions.heartbeat, {
      groupId: words.groupId ?? this.groupId,
      generationId: words.generation,
      memberId: words.memberId,
      groupInstanceId: words.instanceId ?? null,
    })
    return errorCode
  }

  leave(members: readonly { readonly memberId: string; readonly groupInstanceId?: string | null }[], groupId = this.groupId) {
    return this.raw.ask([LeaveGroupRequest, LeaveGroupResponse] as const, this.versions.leave, {
      groupId,
      memberId: members[0]?.memberId ?? '',
      members: members.map((member) => ({ groupInstanceId: null, ...member })),
    })
  }

  async commit(words: CommitWords = {}): Promise<number> {
    const { topics } = await this.raw.ask([OffsetCommitRequest, OffsetCommitResponse] as const, this.versions.commit, {
      groupId: words.groupId ?? this.groupId,
      generationIdOrMemberEpoch: words.generation ?? -1,
      memberId: words.memberId ?? '',
      groupInstanceId: words.instanceId ?? null,
      topics: [
        {
          name: words.topic ?? 't',
          topicId: words.topicId ?? ZERO_UUID,
          partitions: [
            {
              partitionIndex: words.partition ?? 0,
              committedOffset: words.offset ?? 1,
              committedLeaderEpoch: 2,
              committedMetadata: words.metadata === undefined ? 'note' : words.metadata,
            },
          ],
        },
      ],
    })
    return topics[0]?.partitions[0]?.errorCode ?? Number.NaN
  }

  /** Of partitions of `t` (by id from v10 on), or of all where null. */
  fetch(partitions: readonly number[] | null, topicId = ZERO_UUID, groupId = this.groupId, requireStable = false) {
    const topics = partitions === null ? null : [{ name: 't', topicId, partitionIndexes: partitions }]
    return this.raw.ask([OffsetFetchRequest, OffsetFetchResponse] as const, this.versions.fetch, {
      groupId,
      topics: topics ?? (this.versions.fetch === 1 ? [] : null),
      groups: [{ groupId, topics }],
      requireStable,
    })
  }

  describe(groupId = this.groupId) {
    const request = { groups: [groupId], includeAuthorizedOperations: false }
    return this.raw.ask([DescribeGroupsRequest, DescribeGroupsResponse] as const, this.versions.describe, request)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.raw[Symbol.asyncDispose]()
  }
}
