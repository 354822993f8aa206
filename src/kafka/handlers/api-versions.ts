import { ERRORS, type ErrorRow } from '../../broker/errors.ts'
import type { ApiRange, Handler } from '../handler.ts'
import type { ApiVersionsRequest, ApiVersionsResponse } from '../messages/api-versions.ts'
import type { Input } from '../wire/message.ts'

type Response = Input<typeof ApiVersionsResponse>

export const API_VERSIONS_KEY = 18

/** A client that expects no node in particular. */
const ANY_NODE = -1

/** KIP-511: what a client may call itself. */
const SOFTWARE = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/

/**
 * ApiVersions (18): what this broker serves; answered before authentication.
 *
 * v3: the client names its software; a name that is none gets 42 and no list.
 * v5: the client may say which cluster and node it expects, both or neither (KIP-1242): only one of them gets 42, another
 * cluster or node 129, whereupon the client begins anew with its bootstrap servers.
 * Features (rule 4) are empty: transactions, KIP-848 groups and share groups are not served.
 */
export const apiVersions: Handler<ApiVersionsRequest, Response> = (request, context) => {
  if (context.version >= 3 && !(SOFTWARE.test(request.clientSoftwareName) && SOFTWARE.test(request.clientSoftwareVersion))) {
    return refused(ERRORS.invalidRequest)
  }
  const { clusterId, nodeId } = request
  const { identity } = context.broker
  if ((clusterId === null) !== (nodeId === ANY_NODE)) return refused(ERRORS.invalidRequest)
  if (clusterId !== null && (clusterId !== identity.clusterId || nodeId !== identity.nodeId)) return refused(ERRORS.rebootstrapRequired)
  return { errorCode: 0, apiKeys: context.apiRanges }
}

function refused(error: ErrorRow): Response {
  return { errorCode: error.kafka, apiKeys: [] }
}

/** Rule 3, KIP-511: the answer to a version that is not served, always in the schema of version 0. */
export function unsupportedApiVersions(ranges: readonly ApiRange[]): Response {
  return { errorCode: ERRORS.unsupportedVersion.kafka, apiKeys: ranges.filter((range) => range.apiKey === API_VERSIONS_KEY) }
}
