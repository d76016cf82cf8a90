// What the first paint of the wall and of the problems does not need, as one script: parts of it share most of what they use.
export { Help } from './components/help';
export { Palette } from './components/palette';
export { HostPage } from './pages/host';
export { HostsPage } from './pages/hosts';
export { ServicePage } from './pages/service';
export { SourcesPage } from './pages/sources';
