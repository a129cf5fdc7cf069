"""Pages that belong to no other room: home, sign in and out, profile."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import path
from django.views.generic import RedirectView

from orchestrator import views

urlpatterns = [
    path("", views.home, name="home"),
    path("login/", views.SignIn.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("profile/", views.profile, name="profile"),
    path("favicon.ico", RedirectView.as_view(url="/static/icon.svg", permanent=True)),
]
