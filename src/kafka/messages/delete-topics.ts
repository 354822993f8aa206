import { array, int16, int32, nullable, nullableSince, since, string, until, uuid, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/**
 * DeleteTopics (key 20). 4 is flexible; 5 has error messages; 6 takes names or ids (KIP-516).
 */

export const DeleteTopicsRequest = message(
  { key: 20, name: 'DeleteTopicsRequest', versions: [1, 6], flexible: 4 },
  {
    topics: since(
      6,
      array({
        name: withDefault(nullable(string), null),
        topicId: uuid,
      }),
    ),
    topicNames: until(5, array(string)),
    timeoutMs: int32,
  },
)
export type DeleteTopicsRequest = Infer<typeof DeleteTopicsRequest>

export const DeleteTopicsResponse = message(
  { key: 20, name: 'DeleteTopicsResponse', versions: [1, 6], flexible: 4 },
  {
    throttleTimeMs: withDefault(int32, 0),
    responses: array({
      name: nullableSince(6, string),
      topicId: since(6, uuid),
      errorCode: int16,
      errorMessage: since(5, nullable(string), null),
    }),
  },
)
export type DeleteTopicsResponse = Infer<typeof DeleteTopicsResponse>
