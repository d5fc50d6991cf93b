import * as io from 'io-ts'
import t from 'tap'
import { topic } from '../../../lib/index.js'
import { topicData } from '../../../lib/api/topic.js'
import { createPubSub } from '../../../lib/pubsub/pubsub.js'
import type { Wire } from '../../../lib/wire/envelope.js'

const News = topicData(topic.cluster('news', io.type({ text: io.string })))
const Login = topicData(topic.origin('login', io.string))
const Local = topicData(topic.node<() => string>('local'))
const there = { node: 'n2', incarnation: 4, isHere: false }

const bench = () => {
  const out: (readonly [string, Wire])[] = []
  const complaints: (readonly [string, readonly string[]])[] = []
  const pubsub = createPubSub({
    broadcast: (name, payload) => {
      out.push([name, payload])
      return true
    },
    malformed: (name, why) => complaints.push([name, why]),
  })
  return { pubsub, out, complaints }
}

t.test('pubsub - a publication leaves once, encoded, and is heard when it arrives', async (t) => {
  const { pubsub, out } = bench()
  const heard: unknown[] = []
  pubsub.subscribe(News, (event, from) => heard.push([event, from]))
  pubsub.publish(News, { text: 'hi' })
  t.same(out, [['news', { text: 'hi' }]])
  t.same(heard, [], 'not before it has gone round')
  pubsub.arrived('news', { text: 'hi' }, there)
  t.same(heard, [[{ text: 'hi' }, undefined]])
})

t.test('pubsub - only a topic of that scope says where it came from', async (t) => {
  const { pubsub } = bench()
  const heard: unknown[] = []
  pubsub.subscribe(Login, (event, from) => heard.push([event, from]))
  pubsub.arrived('login', 'ada', there)
  t.same(heard, [['ada', there]])
})

t.test('pubsub - a topic of the node never leaves it, and carries what could not', async (t) => {
  const { pubsub, out } = bench()
  const heard: unknown[] = []
  pubsub.subscribe(Local, (event) => heard.push((event as () => string)()))
  pubsub.publish(Local, () => 'called')
  t.same([heard, out], [['called'], []])
  pubsub.arrived('local', 'forged', there)
  t.same(heard, ['called'], 'nor does it come in')
})

t.test(
  'pubsub - what does not fit the codec is reported where it happens, and nobody hears it',
  async (t) => {
    const { pubsub, out, complaints } = bench()
    pubsub.subscribe(News, () => t.fail('heard'))
    pubsub.publish(News, { text: 7 })
    pubsub.arrived('news', { text: 7 }, there)
    t.same(out, [])
    t.match(complaints, [
      ['news', ['the payload is not what the topic declares']],
      ['news', [/text: expected string/]],
    ])
  },
)

t.test('pubsub - who unsubscribes hears nothing more, also in the middle of a publication', async (t) => {
  const { pubsub } = bench()
  const heard: string[] = []
  const ends: (() => void)[] = []
  pubsub.subscribe(News, () => {
    heard.push('first')
    ends[0]?.()
  })
  ends.push(pubsub.subscribe(News, () => heard.push('second')))
  pubsub.arrived('news', { text: 'a' }, there)
  pubsub.arrived('news', { text: 'b' }, there)
  t.same(heard, ['first', 'first'])
  ends[0]?.()
  pubsub.subscribe(News, () => heard.push('third'))
  pubsub.arrived('news', { text: 'c' }, there)
  t.same(heard, ['first', 'first', 'first', 'third'])
})

t.test('pubsub - the same listener twice is two subscriptions', async (t) => {
  const { pubsub } = bench()
  let count = 0
  const listener = (): void => {
    count++
  }
  const end = pubsub.subscribe(News, listener)
  pubsub.subscribe(News, listener)
  pubsub.arrived('news', { text: 'a' }, there)
  end()
  pubsub.arrived('news', { text: 'b' }, there)
  t.equal(count, 3)
})
