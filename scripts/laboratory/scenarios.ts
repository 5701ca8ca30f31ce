// Every scenario of the lab, in the order in which they are best read.

import type { Scenario } from './scenario.ts'
import { scenario as bootClosed } from './scenarios/boot-closed.ts'
import { scenario as breakGlass } from './scenarios/break-glass.ts'
import { scenario as canary } from './scenarios/canary.ts'
import { scenario as coldBoot } from './scenarios/cold-boot.ts'
import { scenario as commitConfirm } from './scenarios/commit-confirm.ts'
import { scenario as damagedDb } from './scenarios/damaged-db.ts'
import { scenario as dashboard } from './scenarios/dashboard.ts'
import { scenario as exit } from './scenarios/exit.ts'
import { scenario as failover } from './scenarios/failover.ts'
import { scenario as flood } from './scenarios/flood.ts'
import { scenario as flows } from './scenarios/flows.ts'
import { scenario as foreignBroker } from './scenarios/foreign-broker.ts'
import { scenario as fullDisk } from './scenarios/full-disk.ts'
import { scenario as gone } from './scenarios/gone.ts'
import { scenario as gossip } from './scenarios/gossip.ts'
import { scenario as httpsOnly } from './scenarios/https-only.ts'
import { scenario as hubLost } from './scenarios/hub-lost.ts'
import { scenario as hubOutage } from './scenarios/hub-outage.ts'
import { scenario as idle } from './scenarios/idle.ts'
import { scenario as install } from './scenarios/install.ts'
import { scenario as ipv6 } from './scenarios/ipv6.ts'
import { scenario as keyRotation } from './scenarios/key-rotation.ts'
import { scenario as lanOnly } from './scenarios/lan-only.ts'
import { scenario as leave } from './scenarios/leave.ts'
import { scenario as membershipLock } from './scenarios/membership-lock.ts'
import { scenario as mesh } from './scenarios/mesh.ts'
import { scenario as mosquitto } from './scenarios/mosquitto.ts'
import { scenario as onePort } from './scenarios/one-port.ts'
import { scenario as pathMtu } from './scenarios/path-mtu.ts'
import { scenario as paths } from './scenarios/paths.ts'
import { scenario as policy } from './scenarios/policy.ts'
import { scenario as policyDriver } from './scenarios/policy-driver.ts'
import { scenario as portMapping } from './scenarios/port-mapping.ts'
import { scenario as publish } from './scenarios/publish.ts'
import { scenario as relayAlone } from './scenarios/relay-alone.ts'
import { scenario as relayLife } from './scenarios/relay-life.ts'
import { scenario as renumber } from './scenarios/renumber.ts'
import { scenario as repair } from './scenarios/repair.ts'
import { scenario as roaming } from './scenarios/roaming.ts'
import { scenario as rollOut } from './scenarios/roll-out.ts'
import { scenario as routerDies } from './scenarios/router-dies.ts'
import { scenario as sameRouter } from './scenarios/same-router.ts'
import { scenario as stolenToken } from './scenarios/stolen-token.ts'
import { scenario as subnetRoute } from './scenarios/subnet-route.ts'
import { scenario as suggest } from './scenarios/suggest.ts'
import { scenario as tenants } from './scenarios/tenants.ts'
import { scenario as transfer } from './scenarios/transfer.ts'
import { scenario as udpBlocked } from './scenarios/udp-blocked.ts'
import { scenario as update } from './scenarios/update.ts'
import { scenario as uplinks } from './scenarios/uplinks.ts'

export const scenarios: readonly Scenario[] = [
  mesh,
  coldBoot,
  hubOutage,
  hubLost,
  gossip,
  commitConfirm,
  canary,
  update,
  rollOut,
  install,
  paths,
  pathMtu,
  portMapping,
  failover,
  flood,
  transfer,
  relayLife,
  ipv6,
  httpsOnly,
  onePort,
  relayAlone,
  udpBlocked,
  roaming,
  uplinks,
  sameRouter,
  idle,
  gone,
  lanOnly,
  renumber,
  repair,
  policy,
  policyDriver,
  bootClosed,
  flows,
  suggest,
  dashboard,
  breakGlass,
  subnetRoute,
  publish,
  routerDies,
  exit,
  tenants,
  mosquitto,
  damagedDb,
  fullDisk,
  stolenToken,
  membershipLock,
  keyRotation,
  foreignBroker,
  leave,
]
