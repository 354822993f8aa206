import { array, bool, int8, int16, int32, nullable, since, string, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/**
 * DescribeConfigs (key 32): settings of topics (resource type 2), brokers (4) and groups (32). Null keys mean all. 3 has types and
 * documentation (KIP-569); 4 is flexible.
 */

export const DescribeConfigsRequest = message(
  { key: 32, name: 'DescribeConfigsRequest', versions: [1, 4], flexible: 4 },
  {
    resources: array({
      resourceType: int8,
      resourceName: string,
      configurationKeys: nullable(array(string)),
    }),
    includeSynonyms: withDefault(bool, false),
    includeDocumentation: since(3, bool, false),
  },
)
export type DescribeConfigsRequest = Infer<typeof DescribeConfigsRequest>

export const DescribeConfigsResponse = message(
  { key: 32, name: 'DescribeConfigsResponse', versions: [1, 4], flexible: 4 },
  {
    throttleTimeMs: withDefault(int32, 0),
    results: array({
      errorCode: int16,
      errorMessage: nullable(string),
      resourceType: int8,
      resourceName: string,
      configs: array({
        name: string,
        value: nullable(string),
        readOnly: bool,
        configSource: withDefault(int8, -1),
        isSensitive: bool,
        synonyms: array({
          name: string,
          value: nullable(string),
          source: int8,
        }),
        configType: since(3, int8, 0),
        documentation: since(3, nullable(string)),
      }),
    }),
  },
)
export type DescribeConfigsResponse = Infer<typeof DescribeConfigsResponse>
