// What the first paint of the wall and of the problems does not need, as one script: parts of it share most of what they use.
// Search and help are not here: who presses their key goes on typing at once, and must not wait for a script.
export { HostPage } from './pages/host';
export { HostsPage } from './pages/hosts';
export { ServicePage } from './pages/service';
export { SourcesPage } from './pages/sources';
