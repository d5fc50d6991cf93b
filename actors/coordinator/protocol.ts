import * as t from 'io-ts'
import { message, nodeProtocol } from '../../lib/index.js'

/** What may be said to a node's coordinator. */
export const Coordinator = nodeProtocol('coordinator', {
  /** How many logins it has greeted. */
  Greeted: message().replies(t.number),
})
