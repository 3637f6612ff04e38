package sshd

import (
	"sync"

	"golang.org/x/crypto/ssh"
)

// Each is a program of the machine.
const (
	maxSessions = 10
	maxForwards = 20
)

// begin begins what the client has asked for, or refuses it. It does not wait.
func (c *connection) begin(working *sync.WaitGroup, channel ssh.NewChannel) {
	switch channel.ChannelType() {
	case "session":
		switch {
		case c.wantsNoMore():
			channel.Reject(ssh.Prohibited, "no more sessions were to come")
		case !c.room(&c.sessions, maxSessions):
			channel.Reject(ssh.ResourceShortage, "there are 10 sessions on this connection already")
		default:
			working.Go(func() {
				defer c.leaveRoom(&c.sessions)
				c.session(channel)
			})
		}
	case "direct-tcpip":
		switch {
		case !c.start.Forward:
			channel.Reject(ssh.Prohibited, "this machine forwards no connections")
		case !c.room(&c.forwards, maxForwards):
			channel.Reject(ssh.ResourceShortage, "20 connections are forwarded already")
		default:
			working.Go(func() {
				defer c.leaveRoom(&c.forwards)
				c.forward(channel)
			})
		}
	default:
		channel.Reject(ssh.UnknownChannelType, "nothing of this kind here")
	}
}

// room counts one more, if there may be.
func (c *connection) room(count *int, most int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if *count >= most {
		return false
	}
	*count++
	return true
}

func (c *connection) leaveRoom(count *int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*count--
	if c.sessions+c.forwards == 0 {
		c.idle.Broadcast()
	}
}

func (c *connection) wantsNoMore() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.noMore
}

// wait waits until there is neither a session nor a forwarded connection.
func (c *connection) wait() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.sessions+c.forwards > 0 {
		c.idle.Wait()
	}
}
