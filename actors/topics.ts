/** What is published. The scope says which nodes act on it. */
import * as t from 'io-ts'
import { topic } from '../lib/index.js'
import { PlayerId, SessionId } from './ids.js'

/** A player logged in. `origin`: every node hears it, the one with the socket greets. */
export const LoggedIn = topic.origin('logged-in', t.type({ player: PlayerId, session: SessionId }))
