import { array, bool, int16, int32, int64, nullable, since, string, tagged } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/**
 * ApiVersions (key 18): what the broker can do. Answered before authentication, with response header v0 in every version, and in
 * the form of version 0 where the version asked for is not known (KIP-511). 3 is flexible and has the client's name and the
 * features (KIP-584); 4 may name features whose lowest level is 0; 5 names the cluster and node expected (KIP-1242).
 */

export const ApiVersionsRequest = message(
  { key: 18, name: 'ApiVersionsRequest', versions: [0, 5], flexible: 3 },
  {
    clientSoftwareName: since(3, string),
    clientSoftwareVersion: since(3, string),
    clusterId: since(5, nullable(string), null),
    nodeId: since(5, int32, -1),
  },
)
export type ApiVersionsRequest = Infer<typeof ApiVersionsRequest>

export const ApiVersionsResponse = message(
  { key: 18, name: 'ApiVersionsResponse', versions: [0, 5], flexible: 3 },
  {
    errorCode: int16,
    apiKeys: array({
      apiKey: int16,
      minVersion: int16,
      maxVersion: int16,
    }),
    throttleTimeMs: since(1, int32, 0),
    supportedFeatures: tagged(
      0,
      since(
        3,
        array({
          name: string,
          minVersion: int16,
          maxVersion: int16,
        }),
      ),
    ),
    finalizedFeaturesEpoch: tagged(1, since(3, int64, -1)),
    finalizedFeatures: tagged(
      2,
      since(
        3,
        array({
          name: string,
          maxVersionLevel: int16,
          minVersionLevel: int16,
        }),
      ),
    ),
    zkMigrationReady: tagged(3, since(3, bool, false)),
  },
)
export type ApiVersionsResponse = Infer<typeof ApiVersionsResponse>
