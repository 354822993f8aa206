import { array, between, int8, int16, int32, nullable, since, string, until } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/**
 * FindCoordinator (key 10): which broker coordinates a group (key type 0), a transactional id (1) or a share group's partition (2,
 * from 6). 3 is flexible; 4 asks for several keys at once (KIP-699), so the fields of one key end at 3.
 */

export const FindCoordinatorRequest = message(
  { key: 10, name: 'FindCoordinatorRequest', versions: [0, 6], flexible: 3 },
  {
    key: until(3, string),
    keyType: since(1, int8, 0),
    coordinatorKeys: since(4, array(string)),
  },
)
export type FindCoordinatorRequest = Infer<typeof FindCoordinatorRequest>

export const FindCoordinatorResponse = message(
  { key: 10, name: 'FindCoordinatorResponse', versions: [0, 6], flexible: 3 },
  {
    throttleTimeMs: since(1, int32, 0),
    errorCode: until(3, int16),
    errorMessage: between(1, 3, nullable(string)),
    nodeId: until(3, int32),
    host: until(3, string),
    port: until(3, int32),
    coordinators: since(
      4,
      array({
        key: string,
        nodeId: int32,
        host: string,
        port: int32,
        errorCode: int16,
        errorMessage: nullable(string),
      }),
    ),
  },
)
export type FindCoordinatorResponse = Infer<typeof FindCoordinatorResponse>
