import type { ShareOffsets } from '../../shares/ports.ts'

const NOTHING = { records: [], settle: () => undefined }

/** Of a broker whose share groups have members and nothing else: where they begin is not kept. */
export const NO_SHARE_OFFSETS: ShareOffsets = {
  summary: () => null,
  partitionsOf: () => [],
  hasState: () => false,
  groupIds: () => [],
  stageStarts: () => NOTHING,
  stageFirst: () => NOTHING,
  stageDeletion: () => NOTHING,
}
